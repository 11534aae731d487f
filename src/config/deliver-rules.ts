// Reads `--deliver`: which topics are delivered in windows, and what of a window reaches a subscriber.
import { milliseconds } from '../base/amounts.js';
import type { FanwireError } from '../base/error.js';
import { MAX_WINDOW_MS } from '../protocol/envelope.js';
import { badRule, isTopicPattern, parseTopicRules, type TopicRule } from './topic-rules.js';

/** Of a window: every message in order, the topic's newest, or the newest of each key. */
export type DeliverMode = 'all' | 'latest' | 'latest-by-key';

export interface DeliverRule extends TopicRule {
  /** Subscribers are written to at most once in so many milliseconds. */
  readonly windowMs: number;
  readonly mode: DeliverMode;
  /** Ends the key that a message begins with, if its publisher named none. Undefined: such messages have no key. */
  readonly separator: string | undefined;
}

const MAX_SEPARATOR_LENGTH = 8;

const EXAMPLE = 'such as --deliver "prices/*=50ms;scores/*=200ms,latest;pos/*=100ms,latest-by-key"';
const BY_KEY = 'latest-by-key';

/**
 * The rules of `pattern=window[,mode][;…]`, in order: the first that matches a topic counts. A window takes ms, s or m
 * (a bare number is milliseconds); a mode is `latest`, `latest-by-key`, or `latest-by-key:` and the separator that ends
 * a key.
 * @throws FanwireError FANWIRE_CONFIG_DELIVER
 */
export function parseDeliverRules(text: string): DeliverRule[] {
  return parseTopicRules(text, parseRule, bad);
}

function parseRule(spec: string): DeliverRule {
  // Only the first "=" before a number ends the pattern: a separator may be "=" itself.
  const match = /^(.*?)=\s*(\d[^,]*)(?:,(.*))?$/.exec(spec);
  if (match === null) throw bad(`"${spec}" is no pattern=window, ${EXAMPLE}`);
  const [, pattern = '', window = '', mode] = match;
  if (!isTopicPattern(pattern.trim())) throw bad(`"${spec}" starts with no topic or prefix*, ${EXAMPLE}`);
  const windowMs = milliseconds(window.trim());
  if (!(Number.isInteger(windowMs) && windowMs >= 1 && windowMs <= MAX_WINDOW_MS)) {
    throw bad(`"${spec}": the window must be 1ms to 1h, in whole milliseconds, got "${window.trim()}"`);
  }
  return { pattern: pattern.trim(), windowMs, ...parseMode(spec, mode) };
}

function parseMode(spec: string, text: string | undefined): Pick<DeliverRule, 'mode' | 'separator'> {
  if (text === undefined) return { mode: 'all', separator: undefined };
  const mode = text.trimStart();
  if (mode.trimEnd() === 'latest' || mode.trimEnd() === BY_KEY) {
    return { mode: mode.trimEnd() as DeliverMode, separator: undefined };
  }
  if (!mode.startsWith(`${BY_KEY}:`)) {
    throw bad(`"${spec}": the mode must be latest, ${BY_KEY} or ${BY_KEY}:separator, got "${mode}"`);
  }
  const given = mode.slice(BY_KEY.length + 1);
  const separator = given.trimEnd() || given; // spaces at its end do not count, unless it is only spaces
  if (separator.length === 0 || separator.length > MAX_SEPARATOR_LENGTH) {
    throw bad(`"${spec}": a separator has 1 to ${MAX_SEPARATOR_LENGTH} characters, got ${separator.length}`);
  }
  return { mode: BY_KEY, separator };
}

function bad(message: string): FanwireError {
  return badRule('FANWIRE_CONFIG_DELIVER', `--deliver ${message}`);
}
