// Messages of an audience that are kept for subscribers which are behind: they have so much unsent that uWS is not
// handed more. All of them share one copy. uWS would keep a copy for each, in a buffer that doubles as it grows, and in
// Node 20's build that buffer stays as long as the socket.
import { FRAME_HEADER_BYTES } from '../bytes.js';
import { Slab } from './slab.js';

/** What copies are put into at a time: it lives as long as the last message in it. */
const SLAB_BYTES = 64 * 1024;

export interface BacklogMessage<Sender> {
  readonly bytes: Uint8Array;
  readonly isBinary: boolean;
  readonly sender: Sender | undefined;
  /** Bytes of all messages up to this one. */
  readonly upTo: number;
}

export class Backlog<Sender> {
  /** How many sockets it is kept for. */
  readers = 0;
  private held: BacklogMessage<Sender>[] = [];
  private bytes = 0;
  private readonly slab = new Slab(SLAB_BYTES);

  /** @param from the number of the next message, by the audience's count */
  constructor(private from: number) {}

  /** @param size the message's bytes */
  add(message: ArrayBuffer | Uint8Array, isBinary: boolean, sender: Sender | undefined, size: number): void {
    this.bytes += size + FRAME_HEADER_BYTES;
    this.held.push({ bytes: this.slab.copy(message, size), isBinary, sender, upTo: this.bytes });
  }

  at(number: number): BacklogMessage<Sender> | undefined {
    return this.held[number - this.from];
  }

  /** Bytes of the messages from a number on. */
  bytesFrom(number: number): number {
    const first = this.at(number);
    return first === undefined ? 0 : this.bytes - first.upTo + first.bytes.length + FRAME_HEADER_BYTES;
  }

  /** Releases the messages before a number. */
  forgetBefore(number: number): void {
    if (number <= this.from) return;
    this.held.splice(0, number - this.from);
    this.from = number;
  }
}
