// Topic permissions: patterns that are an exact topic or a prefix with a trailing `*`. They are compiled once and used
// often.
import { FanwireError } from '../base/error.js';

/** A token with more patterns than this points to a mistake in whatever issues it (every check walks the prefixes). */
const MAX_PATTERNS = 256;

/** Tells whether a topic matches any of its patterns. */
export interface TopicMatcher {
  matches(topic: string): boolean;
}

const EVERYTHING: TopicMatcher = { matches: () => true };
const NOTHING: TopicMatcher = { matches: () => false };

class PatternMatcher implements TopicMatcher {
  constructor(
    private readonly exact: readonly string[],
    private readonly prefixes: readonly string[],
  ) {}

  matches(topic: string): boolean {
    return this.exact.includes(topic) || this.prefixes.some((prefix) => topic.startsWith(prefix));
  }
}

/**
 * Compiles a list of patterns. `where` names the list in errors, for example `fanwire.sub`.
 * An absent list permits nothing; the pattern `*` alone permits every topic.
 * Throws FanwireError FANWIRE_PERMISSION_PATTERN for anything but an array of exact topics and `prefix*` patterns.
 */
export function compilePatterns(patterns: unknown, where: string): TopicMatcher {
  if (patterns === undefined || patterns === null) return NOTHING;
  if (!Array.isArray(patterns)) throw badPattern(`${where} must be an array of topic patterns`);
  if (patterns.length > MAX_PATTERNS) {
    throw badPattern(`${where} holds ${patterns.length} patterns, at most ${MAX_PATTERNS} are allowed`);
  }
  const exact: string[] = [];
  const prefixes: string[] = [];
  for (const pattern of patterns as unknown[]) {
    if (typeof pattern !== 'string' || pattern === '') throw badPattern(`${where} holds something that is no topic`);
    const star = pattern.indexOf('*');
    if (star === -1) exact.push(pattern);
    else if (star === pattern.length - 1) prefixes.push(pattern.slice(0, -1));
    else throw badPattern(`${where}: '*' may only end a pattern, got ${JSON.stringify(pattern)}`);
  }
  if (prefixes.includes('')) return EVERYTHING;
  if (exact.length + prefixes.length === 0) return NOTHING;
  return shared(exact, prefixes);
}

/** Recently used matchers: many tokens carry the same patterns, and each of 200,000 sockets would hold a copy of its
 *  own. */
const recent = new Map<string, TopicMatcher>();
const MAX_RECENT = 1000;

function shared(exact: readonly string[], prefixes: readonly string[]): TopicMatcher {
  const key = JSON.stringify([exact, prefixes]);
  const known = recent.get(key);
  if (known !== undefined) return known;
  const matcher = new PatternMatcher(exact, prefixes);
  if (recent.size === MAX_RECENT) recent.clear();
  recent.set(key, matcher);
  return matcher;
}

function badPattern(message: string): FanwireError {
  return new FanwireError('FANWIRE_PERMISSION_PATTERN', message);
}
