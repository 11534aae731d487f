// Parses `--state`: the topics of which only the newest message of each key is kept, without a history.
import { amount, milliseconds } from '../base/amounts.js';
import type { FanwireError } from '../base/error.js';
import { rawOfKept } from '../protocol/publish-id.js';
import { MAX_KEPT_MS } from '../protocol/rewind.js';
import { type KeyReader, keyReader } from './deliver-key.js';
import type { DeliverRule } from './deliver-rules.js';
import type { HistoryRule } from './history-rules.js';
import { badRule, isTopicPattern, parseTopicRules, ruleFor, type TopicRule } from './topic-rules.js';

export interface StateRule extends TopicRule {
  /** Keys of a topic that are kept at most. */
  readonly maxKeys: number;
  /** Milliseconds a message is kept at most; 0: for as long as there is room. */
  readonly ttlMs: number;
}

/** What is kept of the topics that match: so many messages, or of `isState` the newest of so many keys. */
export interface KeptRule extends HistoryRule {
  readonly isState?: boolean;
}

/** How many keys of one topic are told apart, if a rule does not say. */
export const MAX_KEYS = 10_000;
const MOST_KEYS = 1_000_000;

const EXAMPLE = 'such as --state "prices/*;pos/*=5000;here/*=1000,10m"';

/**
 * The rules of `pattern[=keys[,TTL]][;…]`, in order: the first that matches a topic counts. A topic that has a `=` in
 * its name needs its limit behind it. TTL takes ms, s, m, h or d (a bare number is seconds).
 * @throws FanwireError FANWIRE_CONFIG_STATE
 */
export function parseStateRules(text: string): StateRule[] {
  return parseTopicRules(text, parseRule, bad);
}

/** All rules by which topics are kept; where a topic matches both, those of --history count.
 *  @throws FanwireError FANWIRE_CONFIG_STATE for one of --state that can never apply */
export function keptRules(history: readonly HistoryRule[], state: readonly StateRule[]): KeptRule[] {
  for (const { pattern } of state) {
    const before = ruleFor(history, pattern);
    if (before === undefined) continue;
    const mend = 'rewind "last" gives the newest of what it keeps; leave one of the two out';
    throw bad(`"${pattern}" can never apply: --history "${before.pattern}" keeps these topics already; ${mend}`);
  }
  return [...history, ...state.map(keptRuleOf)];
}

function keptRuleOf({ pattern, maxKeys, ttlMs }: StateRule): KeptRule {
  const lasting = ttlMs === 0 ? Number.POSITIVE_INFINITY : ttlMs;
  return { pattern, maxMessages: maxKeys, ttlMs: lasting, maxBytes: Number.POSITIVE_INFINITY, isState: true };
}

/**
 * How the messages of a topic are told apart where only the newest of each key counts: as they are for delivery by key.
 * Undefined where every message counts, as in the history of a topic of which every message is delivered.
 */
export function newestBy(deliver: readonly DeliverRule[], topic: string, isState: boolean): KeyReader | undefined {
  const rule = ruleFor(deliver, topic);
  if (rule !== undefined && rule.mode !== 'all') return keyReader(rule);
  return isState ? ({ key }) => key ?? '' : undefined;
}

/** The key of a message by its publisher's `key`, or what stands in it. `body` is as history keeps it. */
export function newestKey(keyOf: KeyReader | undefined, key: string | undefined, body: string): string {
  if (keyOf === undefined) return '';
  return keyOf({
    key,
    get raw() {
      return rawOfKept(body).raw;
    },
  });
}

function parseRule(spec: string): StateRule {
  const equals = spec.lastIndexOf('=');
  const pattern = (equals < 0 ? spec : spec.slice(0, equals)).trim();
  if (!isTopicPattern(pattern)) throw bad(`"${spec}" starts with no topic or prefix*, ${EXAMPLE}`);
  if (equals < 0) return { pattern, maxKeys: MAX_KEYS, ttlMs: 0 };
  const [keys = '', ttl, ...more] = spec
    .slice(equals + 1)
    .split(',')
    .map((limit) => limit.trim().toLowerCase());
  const maxKeys = amount(keys);
  if (more.length > 0 || !(Number.isInteger(maxKeys) && maxKeys >= 1 && maxKeys <= MOST_KEYS)) {
    throw bad(`"${spec}": after "=" come keys[,TTL], keys from 1 to ${MOST_KEYS}, got "${spec.slice(equals + 1)}"`);
  }
  const ttlMs = ttl === undefined ? 0 : milliseconds(ttl, 's');
  if (ttl !== undefined && !(Number.isInteger(ttlMs) && ttlMs >= 1 && ttlMs <= MAX_KEPT_MS)) {
    throw bad(`"${spec}": TTL must be 1ms to 7d, got "${ttl}"`);
  }
  return { pattern, maxKeys, ttlMs };
}

function bad(message: string): FanwireError {
  return badRule('FANWIRE_CONFIG_STATE', `--state ${message}`);
}
