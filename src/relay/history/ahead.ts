// Subscribers that know more of a topic than its copy here: another node or thread gave them their position. What lies
// between has yet to be heard here, or was of other topics, which take numbers of the same stream. The owner is asked
// which, for all that wait at a time, so that a made-up position costs a question and no copy.
import type { Position } from '../../protocol/ops.js';

/** How long the owner's answer, and then the messages it tells of, are waited for. */
const PATIENCE_MS = 5000;

interface Waiter {
  readonly since: Position;
  readonly act: () => void;
}

/** The owner's answer: it is at `seq`, and all messages of the topic up to there have numbers up to `last`. */
interface Whereabouts {
  readonly seq: number;
  readonly last: number;
}

export class AheadOfCopy {
  /** Those that the question on its way is for, and those that came since. */
  private asked: Waiter[] = [];
  private next: Waiter[] = [];
  private ask = 0;
  private overdueAtMs = 0;
  private answer: Whereabouts | undefined;

  add(since: Position, act: () => void): void {
    this.next.push({ since, act });
  }

  get needsQuestion(): boolean {
    return this.asked.length === 0 && this.next.length > 0;
  }

  questioned(ask: number, nowMs: number): void {
    this.asked = this.next;
    this.next = [];
    this.ask = ask;
    this.answer = undefined;
    this.overdueAtMs = nowMs + PATIENCE_MS;
  }

  answered(ask: number, answer: Whereabouts): void {
    if (ask === this.ask) this.answer = answer;
  }

  /** Where a copy that has all up to `copySeq` is in the owner's sequence, once nothing is on its way that the owner
   *  told of. */
  seqOf(copySeq: number): number | undefined {
    if (this.asked.length === 0 || this.answer === undefined || copySeq < this.answer.last) return undefined;
    return Math.max(copySeq, this.answer.seq);
  }

  /** What has been waited for too long: the owner's answer, or the messages that it told of. */
  overdue(nowMs: number): 'answer' | 'messages' | undefined {
    if (this.asked.length === 0 || nowMs < this.overdueAtMs) return undefined;
    return this.answer === undefined ? 'answer' : 'messages';
  }

  takeAsked(): Waiter[] {
    const asked = this.asked;
    this.asked = [];
    this.ask = 0;
    return asked;
  }

  takeAll(): Waiter[] {
    const next = this.next;
    this.next = [];
    return [...this.takeAsked(), ...next];
  }
}
