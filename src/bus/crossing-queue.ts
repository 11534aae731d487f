// What is sent to one other thread: through its ring, or, while that is full, through bounded memory behind it. What
// exceeds that is lost and counted. A relay cannot make its publishers wait, so messages to a thread that is too slow
// are lost here.
import { Deque } from '../base/deque.js';
import type { RingWriter } from './ring.js';

/** Bytes that wait for room in the ring. Several times the largest message allowed (16 MiB). */
const WAITING_BYTES = 64 * 1024 * 1024;
/** Estimated bytes of a waiting message besides its payload. */
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
  /** Messages for which there was no room. */
  lost = 0;
  private readonly waiting = new Deque<WaitingCrossing>();
  private waitingBytes = 0;

  constructor(
    private readonly ring: RingWriter,
    private readonly limitBytes = WAITING_BYTES,
  ) {}

  /** Hands over a message, after all earlier ones, or counts it as lost. `payload` is copied. */
  push(topic: string, kind: number, payload: Uint8Array): void {
    if (this.write(topic, kind, payload)) this.forwarded++;
    else if (this.waitingBytes + payload.length + ENTRY_BYTES > this.limitBytes) this.lost++;
    else {
      this.forwarded++;
      this.wait(topic, kind, payload);
    }
  }

  /** Hands over a message that must not be lost: it carries no payload, so there is always room for it. */
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

  /** Makes what was pushed visible to the other side. False if some of it still waits for room: call again soon. */
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
