// One topic's kept messages in memory: all of them in a ring, or for --state the newest of each key. A history whose
// topic is delivered by key has both: the ring, and an index of the newest of each key in it.
import { Deque } from '../../base/deque.js';
import type { KeyReader } from '../../config/deliver-key.js';
import { type KeptRule, newestKey } from '../../config/state-rules.js';
import type { Position, Unrecovered } from '../../protocol/ops.js';
import type { Rewind } from '../../protocol/rewind.js';
import type { Beginning, Kept, Reading, ToKeep, TopicHistory } from './history.js';
import { NewestOfKeys } from './newest-of-keys.js';

/** One kept message, linked to the next older and younger one among all topics of its rule. */
export class Entry implements Kept {
  older: Entry | undefined;
  younger: Entry | undefined;
  constructor(
    readonly history: MemoryTopicHistory,
    readonly seq: number,
    readonly body: string,
    readonly from: string | undefined,
    readonly key: string | undefined,
    readonly publishedAtMs: number,
    readonly bytes: number,
    readonly atMs: number,
    /** Its key, if only the newest of each key counts; undefined if every message does. */
    readonly newestBy: string | undefined,
    /** By this machine's clock. */
    readonly updatedAtMs: number | undefined,
  ) {}
}

/** A rule and the messages of all its topics by age, so that expiry and the shared budget find the oldest without a
 *  search. */
export class RuleMessages {
  oldest: Entry | undefined;
  private youngest: Entry | undefined;
  constructor(
    readonly limits: KeptRule,
    readonly pool: Pool,
  ) {}

  get pattern(): string {
    return this.limits.pattern;
  }

  push(entry: Entry): void {
    entry.older = this.youngest;
    if (this.youngest) this.youngest.younger = entry;
    else this.oldest = entry;
    this.youngest = entry;
  }

  remove(entry: Entry): void {
    if (entry.older) entry.older.younger = entry.younger;
    else this.oldest = entry.younger;
    if (entry.younger) entry.younger.older = entry.older;
    else this.youngest = entry.older;
    entry.older = undefined;
    entry.younger = undefined;
  }
}

/** Rules that share one budget. */
export class Pool {
  /** Estimated bytes of everything kept. */
  bytes = 0;
  messages = 0;
  topics = 0;
  readonly rules: RuleMessages[];
  /** Topics without messages or holds, the longest idle first: they are forgotten first when memory is short. */
  readonly idle = new Set<MemoryTopicHistory>();

  constructor(
    rules: readonly KeptRule[],
    readonly maxBytes: number,
  ) {
    this.rules = rules.map((rule) => new RuleMessages(rule, this));
  }

  /** The oldest message of all rules. It is also the oldest of its topic, since a topic has one rule. */
  oldest(): Entry | undefined {
    let oldest: Entry | undefined;
    for (const rule of this.rules) {
      if (rule.oldest && (!oldest || rule.oldest.atMs < oldest.atMs)) oldest = rule.oldest;
    }
    return oldest;
  }
}

/** The methods of the store that a topic uses. */
export interface Keeper {
  keep(history: MemoryTopicHistory, seq: number, message: ToKeep): number;
  expire(read: MemoryTopicHistory): void;
  readonly nowMs: () => number;
}

export class MemoryTopicHistory implements TopicHistory {
  readonly isReady = true;
  /** Bytes of the kept messages. */
  bytes = 0;
  /** How many hold it. Without a holder it may be forgotten, and its epoch with it. */
  holds = 0;
  private readonly all: Deque<Entry> | undefined;
  private readonly newest: NewestOfKeys<Entry> | undefined;

  constructor(
    readonly topic: string,
    readonly epoch: string,
    readonly rule: RuleMessages,
    private readonly store: Keeper,
    private readonly keyOf: KeyReader | undefined,
    public seq = 0,
    /** All messages after this number are kept. */
    public floor = seq,
  ) {
    if (!this.isState) this.all = new Deque();
    if (keyOf !== undefined) this.newest = new NewestOfKeys();
  }

  get isState(): boolean {
    return this.rule.limits.isState === true;
  }

  get isConflated(): boolean {
    return this.newest !== undefined;
  }

  get length(): number {
    return this.all?.length ?? this.newest?.size ?? 0;
  }

  get oldest(): Entry | undefined {
    return this.all === undefined ? this.newest?.next(0) : this.all.at(0);
  }

  whenReady(act: () => void): void {
    act();
  }

  /** Numbers a publish and keeps it. Returns its seq. */
  append(body: string, from?: string, key?: string, updatedAtMs?: number): number {
    return this.store.keep(this, this.seq + 1, { body, from, key, updatedAtMs });
  }

  /** Whether a newer message of its key is kept than one that was published at `updatedAtMs`. */
  overtook(body: string, key: string | undefined, updatedAtMs: number): boolean {
    const newest = this.newest?.get(this.newestBy(key, body) ?? '');
    return newest?.updatedAtMs !== undefined && newest.updatedAtMs > updatedAtMs;
  }

  /** The key of a message, if only the newest of each key counts; undefined if every message does. */
  newestBy(key: string | undefined, body: string): string | undefined {
    return this.keyOf && newestKey(this.keyOf, key, body);
  }

  /** The newest message of a key, where only that counts. */
  newestOf(key: string): Entry | undefined {
    return this.newest?.get(key);
  }

  /** Adds an entry. Returns the one that it replaces. */
  add(entry: Entry): Entry | undefined {
    this.all?.push(entry);
    const replaced = this.newest?.set(entry.newestBy ?? '', entry);
    return this.all === undefined ? replaced : undefined;
  }

  /** Removes and returns the oldest entry. */
  shift(): Entry | undefined {
    const oldest = this.all === undefined ? this.oldest : this.all.shift();
    const by = oldest?.newestBy;
    if (by !== undefined && this.newest?.get(by) === oldest) this.newest?.delete(by);
    return oldest;
  }

  next(after: number, reading: Reading): Kept | undefined {
    const newest = this.newestIn(reading);
    return newest === undefined ? this.all?.at(this.indexAfter(after)) : newest.next(after);
  }

  countAfter(after: number, reading: Reading): number {
    const newest = this.newestIn(reading);
    return newest === undefined ? this.length - this.indexAfter(after) : newest.countAfter(after);
  }

  beginningOf(rewind: Rewind): Beginning {
    this.store.expire(this);
    const { floor } = this;
    const reading = this.all === undefined || (rewind === 'last' && this.isConflated) ? 'newest' : 'all';
    if (rewind === 'all' || (rewind === 'last' && this.isConflated)) return { after: floor, reading };
    let left = typeof rewind === 'number' ? rewind : rewind === 'last' ? 1 : Number.POSITIVE_INFINITY;
    const sinceMs = typeof rewind === 'object' ? this.store.nowMs() - rewind.withinMs : Number.NEGATIVE_INFINITY;
    if (this.all !== undefined && typeof rewind !== 'object') {
      return { after: this.all.at(this.all.length - left - 1)?.seq ?? (left > 0 ? floor : this.seq), reading };
    }
    for (const { seq, publishedAtMs } of this.backwards()) {
      if (left-- === 0 || publishedAtMs < sinceMs) return { after: seq, reading };
    }
    return { after: floor, reading };
  }

  check(since: Position): Unrecovered | undefined {
    this.store.expire(this);
    if (since.epoch !== this.epoch) return 'epoch-changed';
    if (since.seq > this.seq) return 'unknown-position';
    return since.seq < this.floor ? 'too-old' : undefined;
  }

  /** The keyed messages where those are read. */
  private newestIn(reading: Reading): NewestOfKeys<Entry> | undefined {
    return reading === 'newest' || this.all === undefined ? this.newest : undefined;
  }

  private *backwards(): Generator<Entry> {
    if (this.all === undefined) yield* this.newest?.backwards() ?? [];
    else for (let at = this.all.length - 1; at >= 0; at--) yield this.all.at(at) as Entry;
  }

  /** Index of the first message above `after`, by bisection: the numbers of a clustered topic have gaps. */
  private indexAfter(after: number): number {
    const { all } = this;
    if (all === undefined) return 0;
    let from = 0;
    let to = all.length;
    while (from < to) {
      const middle = (from + to) >>> 1;
      if ((all.at(middle) as Entry).seq > after) to = middle;
      else from = middle + 1;
    }
    return from;
  }
}
