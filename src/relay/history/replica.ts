// A topic's history in a thread that does not own the topic: a copy that follows the owner's, so that replays are read
// here, at each socket's pace. It exists while the thread has subscribers of the topic, since only then it receives all
// messages.
import type { Position, Unrecovered } from '../../protocol/ops.js';
import type { Rewind } from '../../protocol/rewind.js';
import { AheadOfCopy } from './ahead.js';
import type { Beginning, Kept, Reading, ToKeep, TopicHistory } from './history.js';
import { isNumber, Meanwhile } from './meanwhile.js';
import type { MemoryHistory } from './memory.js';
import type { MemoryTopicHistory } from './memory-topic.js';
import { type Waiter, Waiters } from './waiters.js';

/** A message with its place in the owner's sequence. */
export interface Placed extends ToKeep {
  readonly seq: number;
  /** The number of the topic's message before it. */
  readonly after: number;
}

/** A message of the live stream, as it arrived. */
interface Live extends Placed {
  readonly epoch: string;
}

/** How long to wait for an owner before it is asked again. The wait doubles each time, since a large copy takes its
 *  time. */
const FIRST_PATIENCE_MS = 5000;
const MAX_PATIENCE_MS = 30_000;

/** Messages that may wait for a copy that is on its way; if there are more, the copy is requested again. */
const MAX_PENDING = 10_000;

export class ReplicaHistory implements TopicHistory {
  /** The copy that answers; undefined until the first one is complete. */
  private copy: MemoryTopicHistory | undefined;
  /** A copy that is on its way from the owner. */
  private incoming: MemoryTopicHistory | undefined;
  /** A message of a state was lost on the way: the newest of its key is not known. */
  private hasHole = false;
  /** Messages of the live stream since this was last ready. */
  private pending: Live[] = [];
  private readonly waiting = new Waiters<Waiter>();
  isReady = false;
  /** What came without a number since the copy was made. */
  private meanwhile: Meanwhile | undefined;
  /** Where the copy before was when such messages began to come. */
  private knownTo = 0;
  /** The last question. Answers to earlier ones are ignored: they may have been read too early. */
  private ask = 0;
  private askAgainAtMs = 0;
  private patienceMs = FIRST_PATIENCE_MS;
  readonly ahead = new AheadOfCopy();
  /** Messages of a state that a new copy has, and that were not heard here. */
  private unheard: readonly Kept[] = [];

  /** @param onAhead asks the owner where its sequence is */
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
    if (this.meanwhile !== undefined) return this.meanwhile.next(after, reading);
    return this.copy?.next(isNumber(after) ? after : this.knownTo, reading);
  }

  countAfter(after: number, reading: Reading): number {
    if (this.meanwhile !== undefined) return this.meanwhile.countAfter(after, reading);
    return this.copy?.countAfter(isNumber(after) ? after : this.knownTo, reading) ?? 0;
  }

  beginningOf(rewind: Rewind): Beginning {
    return this.copy?.beginningOf(rewind) ?? { after: 0, reading: 'all' };
  }

  check(since: Position): Unrecovered | undefined {
    if (since.epoch === this.epoch && this.meanwhile?.has(since.seq)) return undefined;
    return this.copy === undefined ? 'epoch-changed' : this.copy.check(since);
  }

  whenReady(act: () => void, isWanted: () => boolean, since?: Position): void {
    if (!this.isReady) this.waiting.add({ act: () => this.whenReady(act, isWanted, since), isWanted });
    else if (since === undefined || since.epoch !== this.epoch || since.seq <= this.seq) act();
    else {
      this.ahead.add({ since, act, isWanted });
      if (this.ahead.needsQuestion) this.onAhead(this);
    }
  }

  /** How many wait for it. */
  get waiters(): number {
    return this.waiting.length;
  }

  /** Called when the owner is asked for a copy. */
  asked(ask: number, nowMs: number): void {
    this.ask = ask;
    this.askAgainAtMs = nowMs + this.patienceMs;
    this.patienceMs = Math.min(2 * this.patienceMs, MAX_PATIENCE_MS);
  }

  /** Whether to ask the owner again, since it was away or its answer got lost. An owner that is sending copies (the
   *  last at `heardAtMs`) is busy and gets more time. */
  isOverdue(nowMs: number, heardAtMs = 0): boolean {
    if (this.isReady || nowMs < this.askAgainAtMs) return false;
    return nowMs - heardAtMs > FIRST_PATIENCE_MS || nowMs > this.askAgainAtMs + MAX_PATIENCE_MS;
  }

  /** The copy may be behind: it answers nothing until a new one has come. */
  doubt(): void {
    this.isReady = false;
  }

  /** The owner begins to send all messages after `floor`. */
  begin(ask: number, epoch: string, floor: number): void {
    if (ask !== this.ask) return;
    if (this.incoming !== undefined) this.store.drop(this.incoming);
    this.incoming = this.store.detached(this.topic, epoch, floor);
    this.hasHole = false;
  }

  add(message: Placed): void {
    if (this.incoming !== undefined) this.keep(this.incoming, message);
  }

  /** The copy is complete: the owner is at `seq`, and the last message it sent was `last`. Returns `missed` if
   *  messages went by that the subscribers here did not get: they have to recover. Returns undefined if the live
   *  messages received meanwhile do not follow on the copy, or if the copy of a state has a gap: ask for another. */
  end(seq: number, last: number): 'same' | 'missed' | undefined {
    const { copy, incoming: next, pending } = this;
    if (next === undefined) return 'same';
    if (next.isState && (this.hasHole || next.seq < last)) return undefined;
    // If the last messages were lost on the way, nothing up to `seq` is kept. Otherwise nothing was published in
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
    if (hasMissed && next.isState) this.unheard = unheardOf(copy, next, pending);
    if (copy !== undefined) this.store.drop(copy);
    this.forgetMeanwhile();
    this.isReady = true;
    this.patienceMs = FIRST_PATIENCE_MS;
    const waiting = this.waiting.takeAll();
    const ahead = this.ahead.takeAll();
    for (const { act } of waiting) act();
    for (const { since, act, isWanted } of ahead) this.whenReady(act, isWanted, since);
    return hasMissed ? 'missed' : 'same';
  }

  /** What raw subscribers of a state have missed, as `end` has found: they cannot recover by themselves. */
  takeUnheard(): readonly Kept[] {
    const { unheard } = this;
    this.unheard = [];
    return unheard;
  }

  /** Whether no newer message of its key is known. */
  isNewest({ key, body, seq }: Kept): boolean {
    const { copy } = this;
    return copy?.newestOf(copy.newestBy(key, body) ?? '')?.seq === seq;
  }

  /** Takes one message of the live stream. `new`; `known`: the copy has it already; `broken`: it does not follow on
   *  the copy, so that a new one must be requested, or it waits for one. */
  follow(live: Live): 'new' | 'known' | 'broken' {
    const { copy } = this;
    if (this.isReady && copy !== undefined && copy.epoch === live.epoch) {
      if (live.seq <= copy.seq) return 'known';
      if (live.after <= copy.seq) {
        this.keep(copy, live);
        this.meanwhile?.superseded(live);
        return 'new';
      }
    }
    this.isReady = false;
    if (this.pending.length < MAX_PENDING) this.pending.push(live);
    return 'broken';
  }

  /** A message of a state that was published while the owner was away, for which the sequence has ended: this thread
   *  numbers it for its own subscribers. Returns its number; undefined if there is no copy to keep it in. */
  keepMeanwhile(message: ToKeep): number | undefined {
    const { copy } = this;
    return copy && this.store.keep(copy, copy.seq + 1, message);
  }

  /** A message of a state came without a number: its owner cannot keep it yet. */
  keepUnnumbered(message: ToKeep): void {
    const { copy } = this;
    if (copy === undefined || !copy.isState) return;
    if (this.meanwhile === undefined) this.knownTo = copy.seq;
    this.meanwhile ??= new Meanwhile(this.store, copy);
    this.meanwhile.keep(message);
  }

  /** The owner is at `seq`, and the topic's last message up to there has the number `last` or a lower one. False if
   *  the owner has another sequence than the copy: ask for a copy of that. */
  here(ask: number, epoch: string, seq: number, last: number): boolean {
    const { copy } = this;
    if (!this.isReady || copy === undefined) return true; // those who wait are looked at again when it is
    if (epoch !== copy.epoch) return false;
    this.ahead.answered(ask, { seq, last });
    this.settleAhead();
    return true;
  }

  /** Handles subscribers that have waited too long. False if messages that the owner reported never came: ask for a
   *  copy. */
  tend(nowMs: number): boolean {
    if (!this.isReady) return true;
    const overdue = this.ahead.overdue(nowMs);
    // The owner is away: answer from what is known here.
    if (overdue === 'answer') this.release();
    return overdue !== 'messages';
  }

  /** Lets in subscribers that were ahead, once the copy has reached their position. Call it after the message that
   *  `follow` took has been sent out: these subscribers have it already. */
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
    // No subscriber is left to wait.
    this.ahead.takeAll();
    this.forgetMeanwhile();
    if (this.copy !== undefined) this.store.drop(this.copy);
    if (this.incoming !== undefined) this.store.drop(this.incoming);
    this.copy = undefined;
    this.incoming = undefined;
    this.pending = [];
    this.waiting.takeAll();
  }

  private forgetMeanwhile(): void {
    this.meanwhile = this.meanwhile?.end();
  }

  private keep(copy: MemoryTopicHistory, message: Placed): void {
    // A record was lost on the way: what is kept starts after the gap.
    if (message.after > copy.seq && copy.isState) this.hasHole = true;
    else if (message.after > copy.seq) this.store.skipTo(copy, message.after);
    this.store.keep(copy, message.seq, message);
  }
}

/** Whether there are messages between an old copy and a new one. */
function isBehind(old: MemoryTopicHistory, now: MemoryTopicHistory): boolean {
  return old.epoch !== now.epoch || now.floor > old.seq || now.countAfter(old.seq, 'all') > 0;
}

/** The messages of a state that are neither in an old copy nor among what was `heard` since. */
function unheardOf(old: MemoryTopicHistory, now: MemoryTopicHistory, heard: readonly Live[]): Kept[] {
  const since = new Map(heard.map(({ key, body }) => [now.newestBy(key, body) ?? '', body]));
  const unheard: Kept[] = [];
  for (let kept = now.next(0, 'newest'); kept !== undefined; kept = now.next(kept.seq, 'newest')) {
    const by = now.newestBy(kept.key, kept.body) ?? '';
    if ((since.get(by) ?? old.newestOf(by)?.body) !== kept.body) unheard.push(kept);
  }
  return unheard;
}
