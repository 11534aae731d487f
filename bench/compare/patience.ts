// When a comparison gives up: what it plays is thrown away as invalid, again and again.

import { FanwireError } from '../../src/base/error.js';
import { isOfLoad } from './valid-run.js';

/** This many in a row thrown away, and this share of the time gone with them: the machine cannot measure this now. By
 *  the count alone, 3 of 16 comparisons were given up within a minute of five, in which the neighbours would have come
 *  to rest. */
const HOPELESS = 6;
const HOPELESS_SHARE = 1 / 3;

export class Patience {
  /** Why each run since the last valid one was discarded. */
  private reasons: string[] = [];
  private since = performance.now();

  constructor(
    private readonly what: 'pairs' | 'runs',
    private readonly limitMs: number,
  ) {}

  valid(): void {
    this.reasons = [];
    this.since = performance.now();
  }

  invalid(reason: string): void {
    this.reasons.push(reason);
  }

  isOver(): boolean {
    const latest = this.reasons.slice(-HOPELESS);
    if (latest.length < HOPELESS) return false;
    // The same reason every time does not come from neighbours: this load cannot give the figure.
    if (latest.every((reason) => reason === latest[0])) return true;
    return performance.now() - this.since >= this.limitMs * HOPELESS_SHARE;
  }

  /** FANWIRE_COMPARE_INVALID, for exit code 3. */
  error(): FanwireError {
    // A server's own failure is named before what neighbours did to other pairs.
    const failure = this.reasons.findLast((reason) => reason.includes('server failed'));
    const last = failure ?? this.reasons.at(-1) ?? 'none was played';
    const mend =
      failure !== undefined
        ? 'a server that does not hold cannot be compared: mend that first'
        : isOfLoad(last)
          ? 'raise --rate or --duration'
          : 'lower --rate or --subscribers, or free the machine';
    return new FanwireError(
      'FANWIRE_COMPARE_INVALID',
      `${this.reasons.length} ${this.what} in a row were invalid, ${failure === undefined ? 'the last' : 'some'} because ${last}; ${mend}`,
    );
  }
}

/** A reason in two or three words, to count alike ones together. */
export function shortReason(reason: string): string {
  const kinds: readonly [RegExp, string][] = [
    [/messages .* late/, 'generator late'],
    [/to be read/, 'generator slow to read'],
    [/generator was the bottleneck/, 'generator busy'],
    [/other processes used|waited/, 'machine busy'],
    [/server process ended/, 'server ended'],
    [/^too few/, 'too few messages'],
  ];
  return kinds.find(([pattern]) => pattern.test(reason))?.[1] ?? reason;
}

/** "generator late (3), machine busy (1)", the most frequent first. */
export function countReasons(reasons: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const reason of reasons) counts.set(shortReason(reason), (counts.get(shortReason(reason)) ?? 0) + 1);
  return [...counts]
    .sort((a, b) => b[1] - a[1])
    .map(([reason, count]) => `${reason} (${count})`)
    .join(', ');
}
