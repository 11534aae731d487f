// What rules by topic have in common: `pattern=…;pattern=…`, the first match counts, and a rule that can never match is
// an error.
import { FanwireError } from '../base/error.js';
import type { ErrorCode } from '../base/error-codes.js';
import { checkTopicName } from '../protocol/topic-name.js';

/** A rule for the topics that its pattern matches: an exact topic, or a prefix that ends in `*`. */
export interface TopicRule {
  readonly pattern: string;
}

/** The first rule whose pattern matches `topic`. */
export function ruleFor<R extends TopicRule>(rules: readonly R[], topic: string): R | undefined {
  return rules.find(({ pattern }) => covers(pattern, topic));
}

/**
 * The rules of `text`, in order. `parse` reads one of them, and `bad` makes the error of one that can never apply.
 * An empty text gives no rules.
 */
export function parseTopicRules<R extends TopicRule>(
  text: string,
  parse: (spec: string) => R,
  bad: (message: string) => Error,
): R[] {
  const rules: R[] = [];
  for (const part of text.split(';')) {
    if (part.trim() === '') continue;
    const spec = part.trimStart(); // a separator at its end may be a space
    const rule = parse(spec);
    const problem = impossible(rule.pattern);
    if (problem !== undefined) throw bad(`"${spec}" can never apply: ${problem}`);
    const before = rules.find(({ pattern }) => covers(pattern, rule.pattern));
    if (before !== undefined) {
      const mend = before.pattern === rule.pattern ? 'leave one of the two out' : 'put it first';
      throw bad(`"${spec}" can never apply: "${before.pattern}" stands before it; ${mend}`);
    }
    rules.push(rule);
  }
  return rules;
}

/** What is wrong with a rule, on one line however many the rule has. */
export function badRule(code: ErrorCode, message: string): FanwireError {
  const escaped = (control: string): string => JSON.stringify(control).slice(1, -1);
  return new FanwireError(code, message.replace(/\p{Cc}/gu, escaped));
}

/** Why no topic can match a pattern; undefined if one can. */
function impossible(pattern: string): string | undefined {
  const isPrefix = pattern.endsWith('*');
  const fixed = isPrefix ? pattern.slice(0, -1) : pattern;
  return isPrefix && /^\.{0,2}$/.test(fixed) ? undefined : checkTopicName(fixed)?.message;
}

/** Whether `pattern` is a topic, or a prefix with one `*` at its end. */
export function isTopicPattern(pattern: string): boolean {
  const star = pattern.indexOf('*');
  return pattern !== '' && (star < 0 || star === pattern.length - 1);
}

/** Whether `pattern` matches all that `other` (a topic or a pattern) does. */
function covers(pattern: string, other: string): boolean {
  return pattern.endsWith('*') ? other.startsWith(pattern.slice(0, -1)) : pattern === other;
}
