// Subscribers whose position is ahead of this relay's copy of a topic: another node or thread gave it to them. The
// messages in between have yet to arrive here, or were of other topics, which take numbers of the same stream. The
// owner is asked once for all that wait, so that an invented position costs one question and no copy.
import type { Position } from '../../protocol/ops.js';
import { type Waiter, Waiters } from './waiters.js';

/** How long to wait for the owner's answer, and then for the messages it reports. */
const PATIENCE_MS = 5000;

/** Waits until the copy has reached a position. */
interface WaiterSince extends Waiter {
  readonly since: Position;
}

/** The owner's answer: its sequence is at `seq`, and the topic's last message up to there has the number `last` or a
 *  lower one. */
interface Whereabouts {
  readonly seq: number;
  readonly last: number;
}

export class AheadOfCopy {
  /** Those that the pending question is for, and those that came after it. */
  private asked: WaiterSince[] = [];
  private readonly next = new Waiters<WaiterSince>();
  private ask = 0;
  private overdueAtMs = 0;
  private answer: Whereabouts | undefined;

  add(waiter: WaiterSince): void {
    this.next.add(waiter);
  }

  /** How many came after the pending question was asked. */
  get waiters(): number {
    return this.next.length;
  }

  get needsQuestion(): boolean {
    return this.asked.length === 0 && this.next.length > 0;
  }

  questioned(ask: number, nowMs: number): void {
    this.asked = this.next.takeAll();
    this.ask = ask;
    this.answer = undefined;
    this.overdueAtMs = nowMs + PATIENCE_MS;
  }

  answered(ask: number, answer: Whereabouts): void {
    if (ask === this.ask) this.answer = answer;
  }

  /** Where a copy that has all messages up to `copySeq` stands in the owner's sequence, once no message that the
   *  owner reported is still on its way. */
  seqOf(copySeq: number): number | undefined {
    if (this.asked.length === 0 || this.answer === undefined || copySeq < this.answer.last) return undefined;
    return Math.max(copySeq, this.answer.seq);
  }

  /** What has been waited for too long: the owner's answer, or the messages that it reported. */
  overdue(nowMs: number): 'answer' | 'messages' | undefined {
    if (this.asked.length === 0 || nowMs < this.overdueAtMs) return undefined;
    return this.answer === undefined ? 'answer' : 'messages';
  }

  takeAsked(): WaiterSince[] {
    const asked = this.asked;
    this.asked = [];
    this.ask = 0;
    return asked;
  }

  takeAll(): WaiterSince[] {
    return [...this.takeAsked(), ...this.next.takeAll()];
  }
}
