// What goes to one other thread: into its ring, or, while that is full, into bounded memory behind it; beyond that it
// is lost and counted. A relay cannot make its publishers wait, so this is where a thread that is too slow shows.
import { Deque } from '../base/deque.js';
import type { RingWriter } from './ring.js';

/** Bytes that wait for room in the ring. Several times the largest message allowed (16 MiB). */
const WAITING_BYTES = 64 * 1024 * 1024;
/** What a waiting message takes besides its payload. */
const ENTRY_BYTES = 128;

const NOTHING = new Uint8Array(0);

interface WaitingCrossing {
  readonly topic: string;
  readonly kind: number;
  readonly payload: Uint8Array;
  readonly more: boolean;
}

export class CrossingQueue {
  /** Messages handed over. */
  forwarded = 0;
  /** Messages there was no room for. */
  lost = 0;
  private readonly waiting = new Deque<WaitingCrossing>();
  private waitingBytes = 0;

  constructor(
    private readonly ring: RingWriter,
    private readonly limitBytes = WAITING_BYTES,
  ) {}

  /** Hands over a message, after all that were handed over before, or counts it as lost. `payload` is copied. */
  push(topic: string, kind: number, payload: Uint8Array): void {
    if (this.write(topic, kind, payload)) this.forwarded++;
    else if (this.waitingBytes + payload.length + ENTRY_BYTES > this.limitBytes) this.lost++;
    else {
      this.forwarded++;
      this.wait(topic, kind, payload);
    }
  }

  /** Hands over what must not be lost: it carries no payload, so it always finds room. */
  pushControl(topic: string, kind: number): void {
    if (!this.write(topic, kind, NOTHING)) this.wait(topic, kind, NOTHING);
  }

  private write(topic: string, kind: number, payload: Uint8Array): boolean {
    if (this.waiting.length > 0 || payload.length > this.ring.maxPayloadBytes) return false;
    return this.ring.write(topic, kind, payload, false);
  }

  private wait(topic: string, kind: number, payload: Uint8Array): void {
    const copy = Buffer.from(payload); // slice() of a Buffer would be a view
    const { maxPayloadBytes } = this.ring;
    let from = 0;
    do {
      const part = copy.subarray(from, from + maxPayloadBytes);
      from += part.length;
      this.waiting.push({ topic, kind, payload: part, more: from < copy.length });
      this.waitingBytes += part.length + ENTRY_BYTES;
    } while (from < copy.length);
    this.refill();
  }

  /** Shows the other side what was pushed. False where some still waits for room: call again soon. */
  publish(): boolean {
    this.refill();
    this.ring.publish();
    return this.waiting.length === 0;
  }

  private refill(): void {
    for (let next = this.waiting.at(0); next !== undefined; next = this.waiting.at(0)) {
      if (!this.ring.write(next.topic, next.kind, next.payload, next.more)) return;
      this.waitingBytes -= next.payload.length + ENTRY_BYTES;
      this.waiting.shift();
    }
  }
}
