// A topic's history as it is in a thread that does not own the topic: a copy that follows the owner's, so that replays
// are read here, at each socket's pace. It lives while the thread has subscribers of the topic, for only then it hears
// all.
import type { Position, Unrecovered } from '../../protocol/ops.js';
import type { Rewind } from '../../protocol/rewind.js';
import { AheadOfCopy } from './ahead.js';
import type { Beginning, Kept, Reading, ToKeep, TopicHistory } from './history.js';
import type { MemoryHistory } from './memory.js';
import type { MemoryTopicHistory } from './memory-topic.js';

/** A message with its place in the owner's sequence. */
export interface Placed extends ToKeep {
  readonly seq: number;
  /** The number of the message before it. */
  readonly after: number;
}

/** A message of the live stream as it came. */
interface Live extends Placed {
  readonly epoch: string;
}

/** How long an owner is waited for before it is asked again: each time twice as long, for a large copy takes its
 *  time. */
const FIRST_PATIENCE_MS = 5000;
const MAX_PATIENCE_MS = 30_000;

/** Messages that may wait for a copy that is on its way; of more, the copy is asked for again. */
const MAX_PENDING = 10_000;

export class ReplicaHistory implements TopicHistory {
  /** The copy that answers; undefined until the first is whole. */
  private copy: MemoryTopicHistory | undefined;
  /** One that is on its way from the owner. */
  private incoming: MemoryTopicHistory | undefined;
  /** Something of a state was lost on the way: what is newest of its key is not known. */
  private hasHole = false;
  /** What came in the live stream since this was last ready. */
  private pending: Live[] = [];
  private waiting: (() => void)[] = [];
  isReady = false;
  /** The last question. Answers to earlier ones do not count: they may have been read too early. */
  private ask = 0;
  private askAgainAtMs = 0;
  private patienceMs = FIRST_PATIENCE_MS;
  readonly ahead = new AheadOfCopy();

  /** @param onAhead the owner should be asked where it is */
  constructor(
    readonly topic: string,
    private readonly store: MemoryHistory,
    private readonly onAhead: (replica: ReplicaHistory) => void,
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

  get isState(): boolean {
    return this.store.keepsState(this.topic);
  }

  get isConflated(): boolean {
    return this.store.isConflated(this.topic);
  }

  next(after: number, reading: Reading): Kept | undefined {
    return this.copy?.next(after, reading);
  }

  countAfter(after: number, reading: Reading): number {
    return this.copy?.countAfter(after, reading) ?? 0;
  }

  beginningOf(rewind: Rewind): Beginning {
    return this.copy?.beginningOf(rewind) ?? { after: 0, reading: 'all' };
  }

  check(since: Position): Unrecovered | undefined {
    return this.copy === undefined ? 'epoch-changed' : this.copy.check(since);
  }

  whenReady(act: () => void, since?: Position): void {
    if (!this.isReady) this.waiting.push(() => this.whenReady(act, since));
    else if (since === undefined || since.epoch !== this.epoch || since.seq <= this.seq) act();
    else {
      this.ahead.add(since, act);
      if (this.ahead.needsQuestion) this.onAhead(this);
    }
  }

  /** The owner is being asked for a copy. */
  asked(ask: number, nowMs: number): void {
    this.ask = ask;
    this.askAgainAtMs = nowMs + this.patienceMs;
    this.patienceMs = Math.min(2 * this.patienceMs, MAX_PATIENCE_MS);
  }

  /** Whether the owner has been waited for long enough: it was away, or its answer got lost. One that sends copies (the
   *  last at `heardAtMs`) has more to do first, and gets longer. */
  isOverdue(nowMs: number, heardAtMs = 0): boolean {
    if (this.isReady || nowMs < this.askAgainAtMs) return false;
    return nowMs - heardAtMs > FIRST_PATIENCE_MS || nowMs > this.askAgainAtMs + MAX_PATIENCE_MS;
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
    this.hasHole = false;
  }

  add(message: Placed): void {
    if (this.incoming !== undefined) this.keep(this.incoming, message);
  }

  /**
   * The copy is whole: the owner is at `seq`, and the last message it sent was `last`. Says whether the stream had gone
   * on here without those who are in it: then they have to recover. Undefined where what came meanwhile does not follow
   * on the copy: ask for another.
   */
  end(seq: number, last: number): 'same' | 'missed' | undefined {
    const { copy, incoming: next, pending } = this;
    if (next === undefined) return 'same';
    if (next.isState && (this.hasHole || next.seq < last)) return undefined;
    // Where the last messages were lost on the way, nothing up to `seq` is kept. Otherwise nothing was published in
    // between.
    if (next.seq < last) this.store.skipTo(next, seq);
    else next.seq = seq;
    this.incoming = undefined;
    this.copy = next;
    this.pending = [];
    for (const live of pending) {
      if (live.epoch !== next.epoch || live.seq <= next.seq) continue;
      if (live.after > next.seq) return undefined;
      this.keep(next, live);
    }
    const hasMissed = copy !== undefined && isBehind(copy, next);
    if (copy !== undefined) this.store.drop(copy);
    this.isReady = true;
    this.patienceMs = FIRST_PATIENCE_MS;
    const waiting = this.waiting;
    this.waiting = [];
    const ahead = this.ahead.takeAll();
    for (const act of waiting) act();
    for (const { since, act } of ahead) this.whenReady(act, since);
    return hasMissed ? 'missed' : 'same';
  }

  /** Takes one message of the live stream: `new`, `known` from a copy already, or `broken` where it does not follow on
   *  what is here (a copy has to be asked for) or waits for one. */
  follow(live: Live): 'new' | 'known' | 'broken' {
    const { copy } = this;
    if (this.isReady && copy !== undefined && copy.epoch === live.epoch) {
      if (live.seq <= copy.seq) return 'known';
      if (live.after <= copy.seq) {
        this.keep(copy, live);
        return 'new';
      }
    }
    this.isReady = false;
    if (this.pending.length < MAX_PENDING) this.pending.push(live);
    return 'broken';
  }

  /** The owner is at `seq`, and the last message of the topic up to there has a number up to `last`. False where it has
   *  another sequence than the copy: ask for a copy of that. */
  here(ask: number, epoch: string, seq: number, last: number): boolean {
    const { copy } = this;
    if (!this.isReady || copy === undefined) return true; // those who wait are looked at again when it is
    if (epoch !== copy.epoch) return false;
    this.ahead.answered(ask, { seq, last });
    this.settleAhead();
    return true;
  }

  /** Sees to those that have waited too long. False where messages that the owner told of never came: ask for a
   *  copy. */
  tend(nowMs: number): boolean {
    if (!this.isReady) return true;
    const overdue = this.ahead.overdue(nowMs);
    // Where the owner is away, what is known here has to do.
    if (overdue === 'answer') this.release();
    return overdue !== 'messages';
  }

  /** Lets in subscribers that were ahead, once the copy has come as far. Call it after the message that `follow` took
   *  has gone out: those let in here know it already. */
  settleAhead(): void {
    const { copy } = this;
    if (!this.isReady || copy === undefined) return;
    const seq = this.ahead.seqOf(copy.seq);
    if (seq === undefined) return;
    copy.seq = seq;
    this.release();
  }

  private release(): void {
    for (const { act } of this.ahead.takeAsked()) act();
    if (this.ahead.needsQuestion) this.onAhead(this);
  }

  drop(): void {
    this.ahead.takeAll(); // nobody is left who waits
    if (this.copy !== undefined) this.store.drop(this.copy);
    if (this.incoming !== undefined) this.store.drop(this.incoming);
    this.copy = undefined;
    this.incoming = undefined;
    this.pending = [];
    this.waiting = []; // nobody is left who waits
  }

  private keep(copy: MemoryTopicHistory, message: Placed): void {
    // A record was lost on the way: what is kept starts after the hole.
    if (message.after > copy.seq && copy.isState) this.hasHole = true;
    else if (message.after > copy.seq) this.store.skipTo(copy, message.after);
    this.store.keep(copy, message.seq, message);
  }
}

/** Whether anything came between an old copy and a new one. */
function isBehind(old: MemoryTopicHistory, now: MemoryTopicHistory): boolean {
  return old.epoch !== now.epoch || now.floor > old.seq || now.countAfter(old.seq, 'all') > 0;
}
