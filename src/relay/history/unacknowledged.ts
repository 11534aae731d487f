// Publishes that were sent to their topic's owner, and whose answers are waited for. Every publisher gets an answer:
// the owner's, or that it cannot be known, where the owner ends, has too much to do, or the answer was lost on its way.
import type { Acknowledge } from './numbering.js';

/** How long an owner may take. A thread that is blocked for some seconds answers all that waits for it. */
const PATIENCE_MS = 30_000;
/** Publishes that may wait; of more, the oldest is not waited for. */
const MAX_WAITING = 100_000;

interface Awaited {
  readonly owner: number;
  readonly acknowledge: Acknowledge;
  readonly atMs: number;
}

export class Unacknowledged {
  /** By number, oldest first. */
  private readonly waiting = new Map<number, Awaited>();
  private nextAck = 1;

  get size(): number {
    return this.waiting.size;
  }

  /** Waits for the answer of `owner`. Returns the number that it comes by. */
  add(owner: number, acknowledge: Acknowledge): number {
    const ack = this.nextAck++;
    this.waiting.set(ack, { owner, acknowledge, atMs: performance.now() });
    if (this.waiting.size > MAX_WAITING) this.answered(this.waiting.keys().next().value as number, undefined);
    return ack;
  }

  /** The owner has answered. */
  answered(ack: number, seq: number | undefined): void {
    const waiting = this.forget(ack);
    waiting?.acknowledge(seq);
  }

  /** Nobody waits for it any more. */
  forget(ack: number): Awaited | undefined {
    const waiting = this.waiting.get(ack);
    this.waiting.delete(ack);
    return waiting;
  }

  /** An owner has ended. */
  gone(owner: number): void {
    for (const [ack, waiting] of this.waiting) if (waiting.owner === owner) this.answered(ack, undefined);
  }

  /** Gives up those that have waited too long. */
  expire(nowMs: number): void {
    for (const [ack, { atMs }] of this.waiting) {
      if (nowMs - atMs < PATIENCE_MS) return;
      this.answered(ack, undefined);
    }
  }
}
