// Reads `--history`: which topics keep how many messages, for how long, in how many bytes.
import { amount, bytes as bytesOf, milliseconds } from '../base/amounts.js';
import type { FanwireError } from '../base/error.js';
import { MAX_KEPT_MS } from '../protocol/rewind.js';
import { badRule, isTopicPattern, parseTopicRules, type TopicRule } from './topic-rules.js';

export interface HistoryRule extends TopicRule {
  /** Messages a topic keeps at most. */
  readonly maxMessages: number;
  /** Milliseconds a message is kept at most. */
  readonly ttlMs: number;
  /** Bytes of memory that one topic's messages may take, their bookkeeping included. */
  readonly maxBytes: number;
}

const EXAMPLE = 'such as --history "chat/*=1000,10m,1m;orders=100,1h,256k"';
const MAX_MESSAGES = 1_000_000;
const MIN_BYTES = 1024;
const MAX_BYTES = 16 * 1024 ** 3;

/**
 * The rules of `pattern=N,TTL,bytes[;…]`, in order: the first that matches a topic counts. `N,TTL,bytes` alone is for
 * every topic. TTL takes ms, s, m, h or d (a bare number is seconds), bytes take k, m or g (1024-based). An empty text
 * gives no rules.
 * @throws FanwireError FANWIRE_CONFIG_HISTORY
 */
export function parseHistoryRules(text: string): HistoryRule[] {
  return parseTopicRules(text, parseRule, bad);
}

function parseRule(spec: string): HistoryRule {
  const equals = spec.lastIndexOf('=');
  const pattern = equals < 0 ? '*' : spec.slice(0, equals).trim();
  if (!isTopicPattern(pattern)) throw bad(`"${spec}" starts with no topic or prefix*, ${EXAMPLE}`);
  const limits = spec.slice(equals + 1).split(',');
  if (limits.length !== 3) throw bad(`"${spec}" needs three limits N,TTL,bytes, ${EXAMPLE}`);
  const [messages, ttl, bytes] = limits.map((limit) => limit.trim()) as [string, string, string];
  return {
    pattern,
    maxMessages: inRange(spec, 'N', amount(messages), 1, MAX_MESSAGES, messages),
    ttlMs: inRange(spec, 'TTL', milliseconds(ttl, 's'), 1, MAX_KEPT_MS, ttl),
    maxBytes: inRange(spec, 'bytes', bytesOf(bytes), MIN_BYTES, MAX_BYTES, bytes),
  };
}

function inRange(spec: string, name: string, value: number, min: number, max: number, given: string): number {
  if (Number.isInteger(value) && value >= min && value <= max) return value;
  const range = name === 'TTL' ? '1ms to 7d' : name === 'bytes' ? '1k to 16g' : `${min} to ${max}`;
  throw bad(`"${spec}": ${name} must be ${range}, got "${given}"`);
}

function bad(message: string): FanwireError {
  return badRule('FANWIRE_CONFIG_HISTORY', `--history ${message}`);
}
