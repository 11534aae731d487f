// Holds a new socket's first messages until the read that brought them has ended. uWS never checks the mask bit: of an
// unmasked frame it takes four payload bytes for the mask, and reads four bytes too many, from the next frame. A
// misread message is therefore followed, in the same read, by a frame header from the middle of a payload. Such a
// header is hardly ever valid (RSV bits, opcode), so uWS closes the socket right after the message's handler. So a
// client's first messages are passed on in setImmediate, and not at all if its socket was closed that way before. After
// that the socket is taken to mask its frames.
import type { Connection } from './audience.js';
import { Batch } from './batch.js';
import { Slab } from './slab.js';

/** Enough for the new sockets of one loop turn; a larger message gets memory of its own. */
const SLAB_BYTES = 64 * 1024;

export class FirstMessages {
  private readonly waiting = new Batch<Connection>();
  private readonly slab = new Slab(SLAB_BYTES);

  /** @param publish passes a message on. It reads or copies the bytes before it returns, and accepts closed senders */
  constructor(private readonly publish: (sender: Connection, message: Uint8Array, isBinary: boolean) => void) {}

  /** Keeps a copy of a message until this turn of the event loop ends. */
  hold(sender: Connection, message: ArrayBuffer, isBinary: boolean, size: number): void {
    if (this.waiting.count === 0) setImmediate(this.release);
    this.waiting.add(this.slab.copy(message, size), isBinary, sender);
  }

  /** Passes on what is held, in the order in which it came. Do not call it within a `message` handler. */
  readonly release = (): void => {
    const { waiting } = this;
    if (waiting.count === 0) return;
    // Publishing may close slow sockets, and a sender may be among them.
    for (let i = 0; i < waiting.count; i++) this.pass(i);
    waiting.clear();
    this.slab.reset();
  };

  /** Passes on what is held of a sender; called in its close handler, after it has left its topics. */
  passOn(sender: Connection): void {
    for (let i = 0; i < this.waiting.count; i++) if (this.waiting.senders[i] === sender) this.pass(i);
  }

  /** Drops what is held of a socket whose frames could not be read. Returns the number of messages. */
  withhold(sender: Connection): number {
    let withheld = 0;
    for (let i = 0; i < this.waiting.count; i++) {
      if (this.waiting.senders[i] !== sender) continue;
      this.waiting.senders[i] = undefined;
      withheld++;
    }
    return withheld;
  }

  private pass(i: number): void {
    const { messages, binary, senders } = this.waiting;
    const sender = senders[i];
    if (sender === undefined) return;
    senders[i] = undefined;
    this.publish(sender, messages[i] as Uint8Array, binary[i] as boolean);
  }
}
