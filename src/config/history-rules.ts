// Reads `--history`: which topics keep how many messages, for how long, in how many bytes.
import { FanwireError } from '../protocol/codes.js';

export interface HistoryRule {
  /** An exact topic, or a prefix that ends in `*`. */
  readonly pattern: string;
  /** Messages a topic keeps at most. */
  readonly maxMessages: number;
  /** Milliseconds a message is kept at most. */
  readonly ttlMs: number;
  /** Bytes of memory that one topic's messages may take, their bookkeeping included. */
  readonly maxBytes: number;
}

const EXAMPLE = 'such as --history "chat/*=1000,10m,1m;orders=100,1h,256k"';
const TTL_UNIT_MS: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const BYTE_UNIT: Record<string, number> = { '': 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3 };
const MAX_MESSAGES = 1_000_000;
const MIN_BYTES = 1024;
const MAX_BYTES = 16 * 1024 ** 3;
const MAX_TTL_MS = 7 * 86_400_000;

/**
 * The rules of `pattern=N,TTL,bytes[;…]`, in order: the first that matches a topic counts. `N,TTL,bytes` alone is for every topic.
 * TTL takes ms, s, m, h or d (a bare number is seconds), bytes take k, m or g (1024-based). An empty text gives no rules.
 * @throws FanwireError FANWIRE_CONFIG_HISTORY
 */
export function parseHistoryRules(text: string): HistoryRule[] {
  const rules: HistoryRule[] = [];
  for (const part of text.split(';')) {
    const spec = part.trim();
    if (spec === '') continue;
    const rule = parseRule(spec);
    const before = rules.find(({ pattern }) => covers(pattern, rule.pattern));
    if (before) throw bad(`"${spec}" can never apply: "${before.pattern}" stands before it; put it first`);
    rules.push(rule);
  }
  return rules;
}

/** The first rule whose pattern matches `topic`. */
export function ruleFor<R extends Pick<HistoryRule, 'pattern'>>(rules: readonly R[], topic: string): R | undefined {
  return rules.find(({ pattern }) => covers(pattern, topic));
}

/** Whether `pattern` matches all that `other` (a topic or a pattern) does. */
function covers(pattern: string, other: string): boolean {
  return pattern.endsWith('*') ? other.startsWith(pattern.slice(0, -1)) : pattern === other;
}

function parseRule(spec: string): HistoryRule {
  const equals = spec.lastIndexOf('=');
  const pattern = equals < 0 ? '*' : spec.slice(0, equals).trim();
  const star = pattern.indexOf('*');
  if (pattern === '' || (star >= 0 && star !== pattern.length - 1)) {
    throw bad(`"${spec}" starts with no topic or prefix*, ${EXAMPLE}`);
  }
  const limits = spec.slice(equals + 1).split(',');
  if (limits.length !== 3) throw bad(`"${spec}" needs three limits N,TTL,bytes, ${EXAMPLE}`);
  const [messages, ttl, bytes] = limits.map((limit) => limit.trim().toLowerCase()) as [string, string, string];
  return {
    pattern,
    maxMessages: inRange(spec, 'N', quantity(messages, { '': 1 }), 1, MAX_MESSAGES, messages),
    ttlMs: inRange(spec, 'TTL', quantity(ttl, { '': 1000, ...TTL_UNIT_MS }), 1, MAX_TTL_MS, ttl),
    maxBytes: inRange(spec, 'bytes', quantity(bytes, BYTE_UNIT), MIN_BYTES, MAX_BYTES, bytes),
  };
}

function quantity(text: string, units: Record<string, number>): number {
  const match = /^(\d{1,15})([a-z]*)$/.exec(text);
  return match ? Number(match[1]) * (units[match[2] ?? ''] ?? Number.NaN) : Number.NaN;
}

function inRange(spec: string, name: string, value: number, min: number, max: number, given: string): number {
  if (value >= min && value <= max) return value;
  const range = name === 'TTL' ? '1ms to 7d' : name === 'bytes' ? '1k to 16g' : `${min} to ${max}`;
  throw bad(`"${spec}": ${name} must be ${range}, got "${given}"`);
}

function bad(message: string): FanwireError {
  return new FanwireError('FANWIRE_CONFIG_HISTORY', `--history ${message}`);
}
