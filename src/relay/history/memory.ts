// History and state in this process's memory: within each rule's count, age and bytes, and within two budgets, one for
// the histories and one for the states of all topics together.
import { randomBytes } from 'node:crypto';
import type { KeyReader } from '../../config/deliver-key.js';
import type { KeptRule } from '../../config/state-rules.js';
import { ruleFor } from '../../config/topic-rules.js';
import type { HistoryCounts, HistoryStore, KeptCounts, ToKeep, TopicHistory } from './history.js';
import { Entry, type Keeper, MemoryTopicHistory, Pool, type RuleMessages } from './memory-topic.js';

/** Estimated bytes of a kept message besides its body: its object, its place in the ring, a string header. Measured:
 *  175. */
export const ENTRY_OVERHEAD_BYTES = 184;

/** Estimated bytes of an entry in the index of the newest of each key, besides the key itself. Measured: 60. */
const KEYED_OVERHEAD_BYTES = 120;

/** Estimated bytes of a topic besides its messages and its name. */
const TOPIC_OVERHEAD_BYTES = 640;

/** Further settings of a store. */
export interface Keeping {
  /** For the state of all topics together; the key updated longest ago is dropped first. */
  readonly stateMaxBytes: number;
  /** How a topic's messages get their key, if only the newest of each key counts (see newestBy). */
  newestBy(topic: string, isState: boolean): KeyReader | undefined;
  /** A key of --state was dropped for lack of memory. */
  evicted(): void;
}

const NO_STATE: Keeping = { stateMaxBytes: 0, newestBy: () => undefined, evicted: () => {} };

export class MemoryHistory implements HistoryStore, Keeper {
  private readonly histories: Pool;
  private readonly states: Pool;
  /** In the order in which they apply. */
  private readonly rules: readonly RuleMessages[];
  private readonly topics = new Map<string, MemoryTopicHistory>();
  private readonly process = randomBytes(6).toString('base64url');
  private opened = 0;

  /** @param rules from keptRules
   *  @param maxBytes for the history of all topics together; the oldest messages are dropped first
   *  @param nowMs a clock that never goes back */
  constructor(
    rules: readonly KeptRule[],
    maxBytes: number,
    readonly nowMs: () => number = () => performance.now(),
    private readonly keeping: Keeping = NO_STATE,
  ) {
    this.histories = new Pool(
      rules.filter(({ isState }) => !isState),
      maxBytes,
    );
    this.states = new Pool(
      rules.filter(({ isState }) => isState),
      keeping.stateMaxBytes,
    );
    this.rules = [...this.histories.rules, ...this.states.rules];
  }

  /** A topic that is opened and not held may be forgotten at the next publish of any topic. */
  open(topic: string): MemoryTopicHistory | undefined {
    const known = this.topics.get(topic);
    if (known) return known;
    const rule = ruleFor(this.rules, topic);
    if (rule === undefined) return undefined;
    const epoch = `${this.process}.${(++this.opened).toString(36)}`;
    const history = this.newTopic(topic, epoch, rule, 0);
    this.topics.set(topic, history);
    rule.pool.topics++;
    this.makeRoom(rule.pool);
    rule.pool.idle.add(history);
    return history;
  }

  hold(history: TopicHistory): void {
    const own = history as MemoryTopicHistory;
    own.holds++;
    own.rule.pool.idle.delete(own);
  }

  release(history: TopicHistory): void {
    const own = history as MemoryTopicHistory;
    own.holds--;
    this.noteIdle(own);
  }

  keeps(topic: string): boolean {
    return ruleFor(this.rules, topic) !== undefined;
  }

  /** Whether the topic is kept as a state. */
  keepsState(topic: string): boolean {
    return ruleFor(this.rules, topic)?.limits.isState === true;
  }

  /** Whether the newest of each key of the topic can be read. */
  isConflated(topic: string): boolean {
    return this.keeps(topic) && this.keeping.newestBy(topic, this.keepsState(topic)) !== undefined;
  }

  /** A message of a state was dropped for lack of memory. */
  evicted(): void {
    this.keeping.evicted();
  }

  /** A history outside the store's own sequences, within the same limits: a copy of what another thread keeps. End
   *  it with `drop`. */
  detached(topic: string, epoch: string, floor: number): MemoryTopicHistory | undefined {
    const rule = ruleFor(this.rules, topic);
    if (rule === undefined) return undefined;
    const copy = this.newTopic(topic, epoch, rule, floor);
    copy.holds = 1; // never idle
    return copy;
  }

  drop(copy: MemoryTopicHistory): void {
    this.clear(copy);
    copy.rule.pool.bytes -= topicBytes(copy.topic);
  }

  /** Continues at `seq`: nothing up to that number is kept. */
  skipTo(history: MemoryTopicHistory, seq: number): void {
    this.clear(history);
    history.seq = seq;
    history.floor = seq;
  }

  /** Keeps the next message of `history` as number `seq`, and drops what the limits no longer allow. Returns `seq`. */
  keep(history: MemoryTopicHistory, seq: number, { body, from, key, ageMs = 0, updatedAtMs }: ToKeep): number {
    const { rule } = history;
    const { limits, pool } = rule;
    history.seq = seq;
    const flat = Buffer.from(body);
    const newestBy = history.newestBy(key, body);
    const keyBytes = newestBy === undefined ? 0 : KEYED_OVERHEAD_BYTES + 2 * newestBy.length;
    const bytes = ENTRY_OVERHEAD_BYTES + keyBytes + heapBytes(flat, body);
    this.expire();
    if (bytes > limits.maxBytes) {
      this.skipTo(history, seq); // not kept at all, and with it the run up to here ends
      return seq;
    }
    const now = this.nowMs();
    // The body may be a slice that keeps a whole frame in memory, so it is copied: the budget must hold for hostile
    // frames too.
    const publishedAtMs = now - ageMs;
    const entry = new Entry(history, seq, flat.toString(), from, key, publishedAtMs, bytes, now, newestBy, updatedAtMs);
    const replaced = history.add(entry);
    if (replaced !== undefined) this.discount(replaced);
    pool.messages++;
    history.bytes += bytes;
    pool.bytes += bytes;
    rule.push(entry);
    pool.idle.delete(history);
    while (history.length > limits.maxMessages || history.bytes > limits.maxBytes) this.evictOldest(history);
    this.makeRoom(pool);
    return seq;
  }

  /** Drops every message that was stored longer ago than its rule's TTL. In the history that is about to be `read`
   *  it also drops those published longer ago: a copy of another store got them later than they were published. */
  expire(read?: MemoryTopicHistory): void {
    const now = this.nowMs();
    for (const rule of this.rules) {
      while (rule.oldest && now - rule.oldest.atMs > rule.limits.ttlMs) this.takeOldest(rule.oldest.history);
    }
    if (read === undefined) return;
    const { ttlMs } = read.rule.limits;
    while (read.oldest && now - read.oldest.publishedAtMs > ttlMs) this.takeOldest(read);
  }

  /** Estimated bytes of everything kept. */
  get bytes(): number {
    return this.histories.bytes + this.states.bytes;
  }

  counts(): KeptCounts {
    return { history: countsOf(this.histories), state: countsOf(this.states) };
  }

  private newTopic(topic: string, epoch: string, rule: RuleMessages, floor: number): MemoryTopicHistory {
    rule.pool.bytes += topicBytes(topic);
    const keyOf = this.keeping.newestBy(topic, rule.limits.isState === true);
    return new MemoryTopicHistory(topic, epoch, rule, this, keyOf, floor);
  }

  private clear(history: MemoryTopicHistory): void {
    while (history.length > 0) this.takeOldest(history);
  }

  private makeRoom(pool: Pool): void {
    while (pool.bytes > pool.maxBytes) {
      const idle = pool.idle.values().next().value;
      const oldest = idle ? undefined : pool.oldest();
      if (idle) this.forget(idle);
      else if (oldest) this.evictOldest(oldest.history);
      else return; // only topics in use are left, and no message
    }
  }

  private evictOldest(history: MemoryTopicHistory): void {
    if (history.isState) this.evicted();
    this.takeOldest(history);
  }

  private takeOldest(history: MemoryTopicHistory): void {
    const entry = history.shift();
    if (entry === undefined) return;
    history.floor = entry.seq;
    this.discount(entry);
    this.noteIdle(history);
  }

  /** Updates the counts after an entry has left its topic's messages. */
  private discount(entry: Entry): void {
    const { history, bytes } = entry;
    const { rule } = history;
    rule.remove(entry);
    rule.pool.messages--;
    history.bytes -= bytes;
    rule.pool.bytes -= bytes;
  }

  private noteIdle(history: MemoryTopicHistory): void {
    if (history.holds === 0 && history.length === 0) history.rule.pool.idle.add(history);
  }

  private forget(history: MemoryTopicHistory): void {
    const { pool } = history.rule;
    pool.idle.delete(history);
    this.topics.delete(history.topic);
    pool.topics--;
    pool.bytes -= topicBytes(history.topic);
  }
}

function countsOf({ topics, messages, bytes }: Pool): HistoryCounts {
  return { topics, messages, bytes };
}

function topicBytes(topic: string): number {
  return TOPIC_OVERHEAD_BYTES + 2 * topic.length;
}

/** Bytes that V8 takes for a string: one per character, or two if any is beyond Latin-1 (estimated here as: beyond
 *  ASCII). */
function heapBytes(utf8: Uint8Array, text: string): number {
  return utf8.length === text.length ? text.length : 2 * text.length;
}
