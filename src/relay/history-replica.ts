// A topic's history as it is in a thread that does not own the topic: a copy that follows the owner's, so that replays are read
// here, at each socket's pace. It lives while the thread has subscribers of the topic, for only then it hears all.
import type { Position, Unrecovered } from '../protocol/ops.js';
import type { Kept, TopicHistory } from './history.js';
import type { MemoryHistory, MemoryTopicHistory } from './history-memory.js';

/** A message of the live stream as it came. */
interface Live {
  readonly epoch: string;
  readonly seq: number;
  readonly after: number;
  readonly body: string;
  readonly from: string | undefined;
}

/** How long an owner is waited for before it is asked again: each time twice as long, for a large copy takes its time. */
const FIRST_PATIENCE_MS = 1000;
const MAX_PATIENCE_MS = 30_000;

/** Messages that may wait for a copy that is on its way; of more, the copy is asked for again. */
const MAX_PENDING = 10_000;

export class ReplicaHistory implements TopicHistory {
  /** The copy that answers; undefined until the first is whole. */
  private copy: MemoryTopicHistory | undefined;
  /** One that is on its way from the owner. */
  private incoming: MemoryTopicHistory | undefined;
  /** What came in the live stream since this was last ready. */
  private pending: Live[] = [];
  private waiting: (() => void)[] = [];
  isReady = false;
  /** The question whose answer counts: an earlier one may have been read before what it should bring. */
  private ask = 0;
  private askAgainAtMs = 0;
  private patienceMs = FIRST_PATIENCE_MS;

  constructor(
    readonly topic: string,
    private readonly store: MemoryHistory,
  ) {}

  get epoch(): string {
    return this.copy?.epoch ?? '';
  }

  get seq(): number {
    return this.copy?.seq ?? 0;
  }

  get floor(): number {
    return this.copy?.floor ?? 0;
  }

  next(after: number): Kept | undefined {
    return this.copy?.next(after);
  }

  countAfter(after: number): number {
    return this.copy?.countAfter(after) ?? 0;
  }

  check(since: Position): Unrecovered | undefined {
    return this.copy === undefined ? 'epoch-changed' : this.copy.check(since);
  }

  whenReady(act: () => void): void {
    if (this.isReady) act();
    else this.waiting.push(act);
  }

  /** The owner is being asked for a copy. */
  asked(ask: number, nowMs: number): void {
    this.ask = ask;
    this.askAgainAtMs = nowMs + this.patienceMs;
    this.patienceMs = Math.min(2 * this.patienceMs, MAX_PATIENCE_MS);
  }

  /** Whether the owner has been waited for long enough: it was away, or its answer got lost. */
  isOverdue(nowMs: number): boolean {
    return !this.isReady && nowMs >= this.askAgainAtMs;
  }

  /** What is here may be behind: nobody is answered from it until a new copy has come. */
  doubt(): void {
    this.isReady = false;
  }

  /** The owner begins to send all that came after `floor`. */
  begin(ask: number, epoch: string, floor: number): void {
    if (ask !== this.ask) return;
    if (this.incoming !== undefined) this.store.drop(this.incoming);
    this.incoming = this.store.detached(this.topic, epoch, floor);
  }

  add(seq: number, after: number, body: string, from: string | undefined): void {
    if (this.incoming !== undefined) this.keep(this.incoming, seq, after, body, from);
  }

  /**
   * The copy is whole: the owner is at `seq`, and the last message it sent was `last`. Says whether the stream had gone on here without those who are in it: then they have to
   * recover. Undefined where what came meanwhile does not follow on the copy: ask for another.
   */
  end(seq: number, last: number): 'same' | 'missed' | undefined {
    const { copy, incoming: next, pending } = this;
    if (next === undefined) return 'same';
    // With the last ones lost on the way nothing up to there is kept; otherwise nothing was published between.
    if (next.seq < last) this.store.skipTo(next, seq);
    else next.seq = seq;
    this.incoming = undefined;
    this.copy = next;
    this.pending = [];
    for (const live of pending) {
      if (live.epoch !== next.epoch || live.seq <= next.seq) continue;
      if (live.after > next.seq) return undefined;
      this.keep(next, live.seq, live.after, live.body, live.from);
    }
    const hasMissed = copy !== undefined && isBehind(copy, next);
    if (copy !== undefined) this.store.drop(copy);
    this.isReady = true;
    this.patienceMs = FIRST_PATIENCE_MS;
    const waiting = this.waiting;
    this.waiting = [];
    for (const act of waiting) act();
    return hasMissed ? 'missed' : 'same';
  }

  /** Takes one message of the live stream: `new`, `known` from a copy already, or `broken` where it does not follow on what is
   *  here (a copy has to be asked for) or waits for one. */
  follow(live: Live): 'new' | 'known' | 'broken' {
    const { copy } = this;
    if (this.isReady && copy !== undefined && copy.epoch === live.epoch) {
      if (live.seq <= copy.seq) return 'known';
      if (live.after <= copy.seq) {
        this.keep(copy, live.seq, live.after, live.body, live.from);
        return 'new';
      }
    }
    this.isReady = false;
    if (this.pending.length < MAX_PENDING) this.pending.push(live);
    return 'broken';
  }

  drop(): void {
    if (this.copy !== undefined) this.store.drop(this.copy);
    if (this.incoming !== undefined) this.store.drop(this.incoming);
    this.copy = undefined;
    this.incoming = undefined;
    this.pending = [];
    this.waiting = []; // nobody is left who waits
  }

  private keep(copy: MemoryTopicHistory, seq: number, after: number, body: string, from: string | undefined): void {
    // A record that was lost on the way leaves a hole: what is kept starts after it.
    if (after > copy.seq) this.store.skipTo(copy, after);
    this.store.keep(copy, seq, body, from);
  }
}

/** Whether anything came between an old copy and a new one. */
function isBehind(old: MemoryTopicHistory, now: MemoryTopicHistory): boolean {
  return old.epoch !== now.epoch || now.floor > old.seq || now.countAfter(old.seq) > 0;
}
