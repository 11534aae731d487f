// History in this process's memory: within each rule's count, age and bytes, and within one budget for all topics
// together.
import { randomBytes } from 'node:crypto';
import { Deque } from '../../base/deque.js';
import type { HistoryRule } from '../../config/history-rules.js';
import { ruleFor } from '../../config/topic-rules.js';
import type { Position, Unrecovered } from '../../protocol/ops.js';
import type { HistoryCounts, HistoryStore, Kept, TopicHistory } from './history.js';

/** Bytes a kept message is reckoned to take beside its body: its object, its place in the ring, a string header.
 *  Measured: 140. */
export const ENTRY_OVERHEAD_BYTES = 160;

/** Bytes a topic is reckoned to take beside its messages and its name. */
const TOPIC_OVERHEAD_BYTES = 640;

/** One kept message, linked to its elder and younger among all topics of its rule. */
class Entry implements Kept {
  older: Entry | undefined;
  younger: Entry | undefined;
  constructor(
    readonly history: MemoryTopicHistory,
    readonly seq: number,
    readonly body: string,
    readonly from: string | undefined,
    readonly bytes: number,
    readonly atMs: number,
  ) {}
}

/** A rule and the messages of all its topics by age, so that neither expiry nor the common budget has to search. */
class RuleMessages {
  oldest: Entry | undefined;
  private youngest: Entry | undefined;
  constructor(readonly limits: HistoryRule) {}

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

export class MemoryTopicHistory implements TopicHistory {
  readonly isReady = true;
  /** Bytes of the kept messages. */
  bytes = 0;
  /** How many hold it: with none it may be forgotten, and its epoch with it. */
  holds = 0;
  readonly kept = new Deque<Entry>();

  constructor(
    readonly topic: string,
    readonly epoch: string,
    readonly rule: RuleMessages,
    private readonly store: MemoryHistory,
    public seq = 0,
    /** All messages after this one are kept. */
    public floor = seq,
  ) {}

  whenReady(act: () => void): void {
    act();
  }

  /** Numbers a publish and keeps it. Gives its seq. */
  append(body: string, from: string | undefined): number {
    return this.store.keep(this, this.seq + 1, body, from);
  }

  next(after: number): Kept | undefined {
    return this.kept.at(this.indexAfter(after));
  }

  countAfter(after: number): number {
    return this.kept.length - this.indexAfter(after);
  }

  before(count: number): number {
    this.store.expire();
    const at = this.kept.length - count;
    return at <= 0 ? this.floor : (this.kept.at(at - 1) as Entry).seq;
  }

  /** Where the first message over `after` stands, by bisection: the numbers of a clustered topic have gaps. */
  private indexAfter(after: number): number {
    let from = 0;
    let to = this.kept.length;
    while (from < to) {
      const middle = (from + to) >>> 1;
      if ((this.kept.at(middle) as Entry).seq > after) to = middle;
      else from = middle + 1;
    }
    return from;
  }

  check(since: Position): Unrecovered | undefined {
    this.store.expire();
    if (since.epoch !== this.epoch) return 'epoch-changed';
    if (since.seq > this.seq) return 'unknown-position';
    return since.seq < this.floor ? 'too-old' : undefined;
  }
}

export class MemoryHistory implements HistoryStore {
  /** Bytes reckoned for everything kept. */
  bytes = 0;
  private messages = 0;
  private readonly rules: RuleMessages[];
  private readonly topics = new Map<string, MemoryTopicHistory>();
  /** Topics without messages or holds, the longest idle first: forgotten first when memory is short. */
  private readonly idle = new Set<MemoryTopicHistory>();
  private readonly process = randomBytes(6).toString('base64url');
  private opened = 0;

  /**
   * @param rules from parseHistoryRules
   * @param maxBytes for all topics together; the oldest messages go first
   * @param nowMs a clock that never goes back
   */
  constructor(
    rules: readonly HistoryRule[],
    private readonly maxBytes: number,
    private readonly nowMs: () => number = () => performance.now(),
  ) {
    this.rules = rules.map((rule) => new RuleMessages(rule));
  }

  /** Opened and not held, it may be forgotten at the next publish of any topic. */
  open(topic: string): MemoryTopicHistory | undefined {
    const known = this.topics.get(topic);
    if (known) return known;
    const rule = ruleFor(this.rules, topic);
    if (rule === undefined) return undefined;
    const epoch = `${this.process}.${(++this.opened).toString(36)}`;
    const history = new MemoryTopicHistory(topic, epoch, rule, this);
    this.topics.set(topic, history);
    this.bytes += topicBytes(topic);
    this.makeRoom();
    this.idle.add(history);
    return history;
  }

  hold(history: TopicHistory): void {
    const own = history as MemoryTopicHistory;
    own.holds++;
    this.idle.delete(own);
  }

  release(history: TopicHistory): void {
    const own = history as MemoryTopicHistory;
    own.holds--;
    this.noteIdle(own);
  }

  keeps(topic: string): boolean {
    return ruleFor(this.rules, topic) !== undefined;
  }

  /** A history outside the store's own sequences, within the same limits: a copy of what another thread keeps. `drop`
   *  ends it. */
  detached(topic: string, epoch: string, floor: number): MemoryTopicHistory | undefined {
    const rule = ruleFor(this.rules, topic);
    if (rule === undefined) return undefined;
    const copy = new MemoryTopicHistory(topic, epoch, rule, this, floor);
    copy.holds = 1; // never idle
    this.bytes += topicBytes(topic);
    return copy;
  }

  drop(copy: MemoryTopicHistory): void {
    this.clear(copy);
    this.bytes -= topicBytes(copy.topic);
  }

  /** Goes on at `seq`: nothing up to there is kept. */
  skipTo(history: MemoryTopicHistory, seq: number): void {
    this.clear(history);
    history.seq = seq;
    history.floor = seq;
  }

  private clear(history: MemoryTopicHistory): void {
    while (history.kept.length > 0) this.evictOldest(history);
  }

  /** Keeps the next message of `history` as number `seq`, and lets go of what the limits no longer allow. Gives
   *  `seq`. */
  keep(history: MemoryTopicHistory, seq: number, body: string, from: string | undefined): number {
    const { rule } = history;
    const { limits } = rule;
    history.seq = seq;
    const flat = Buffer.from(body);
    const bytes = ENTRY_OVERHEAD_BYTES + heapBytes(flat, body);
    this.expire();
    if (bytes > limits.maxBytes) {
      this.skipTo(history, seq); // not kept at all, and with it the run up to here ends
      return seq;
    }
    // The body may be a slice that keeps a whole frame alive, so it is copied: the budget must hold for hostile frames
    // too.
    const entry = new Entry(history, seq, flat.toString(), from, bytes, this.nowMs());
    history.kept.push(entry);
    this.messages++;
    history.bytes += bytes;
    this.bytes += bytes;
    rule.push(entry);
    this.idle.delete(history);
    while (history.kept.length > limits.maxMessages || history.bytes > limits.maxBytes) this.evictOldest(history);
    this.makeRoom();
    return seq;
  }

  /** Lets go of every message that is older than its rule's TTL. */
  expire(): void {
    const now = this.nowMs();
    for (const rule of this.rules) {
      while (rule.oldest && now - rule.oldest.atMs > rule.limits.ttlMs) this.evictOldest(rule.oldest.history);
    }
  }

  counts(): HistoryCounts {
    return { topics: this.topics.size, messages: this.messages, bytes: this.bytes };
  }

  private makeRoom(): void {
    while (this.bytes > this.maxBytes) {
      const idle = this.idle.values().next().value;
      const oldest = idle ? undefined : this.oldestMessage();
      if (idle) this.forget(idle);
      else if (oldest) this.evictOldest(oldest.history);
      else return; // only topics in use are left, and no message
    }
  }

  /** The oldest of all: within its topic it is the oldest too, since a topic has one rule. */
  private oldestMessage(): Entry | undefined {
    let oldest: Entry | undefined;
    for (const rule of this.rules) {
      if (rule.oldest && (!oldest || rule.oldest.atMs < oldest.atMs)) oldest = rule.oldest;
    }
    return oldest;
  }

  private evictOldest(history: MemoryTopicHistory): void {
    const entry = history.kept.shift();
    if (entry === undefined) return;
    history.floor = entry.seq;
    history.rule.remove(entry);
    this.messages--;
    history.bytes -= entry.bytes;
    this.bytes -= entry.bytes;
    this.noteIdle(history);
  }

  private noteIdle(history: MemoryTopicHistory): void {
    if (history.holds === 0 && history.kept.length === 0) this.idle.add(history);
  }

  private forget(history: MemoryTopicHistory): void {
    this.idle.delete(history);
    this.topics.delete(history.topic);
    this.bytes -= topicBytes(history.topic);
  }
}

function topicBytes(topic: string): number {
  return TOPIC_OVERHEAD_BYTES + 2 * topic.length;
}

/** What V8 takes for a string: a byte a character, or two if any is beyond Latin-1 (reckoned: beyond ASCII). */
function heapBytes(utf8: Uint8Array, text: string): number {
  return utf8.length === text.length ? text.length : 2 * text.length;
}
