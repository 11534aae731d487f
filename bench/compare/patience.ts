// When a comparison gives up: what it plays is thrown away as invalid, again and again.

import { FanwireError } from '../../src/protocol/codes.js';

/** This many in a row thrown away, and this share of the time gone with them: the machine cannot measure this now. By the count
 *  alone, 3 of 16 comparisons were given up within a minute of five, in which the neighbours would have come to rest. */
const HOPELESS = 6;
const HOPELESS_SHARE = 1 / 3;

export class Patience {
  /** Why what was played since the last valid one was thrown away. */
  #reasons: string[] = [];
  #since = performance.now();

  constructor(
    private readonly what: 'pairs' | 'runs',
    private readonly limitMs: number,
  ) {}

  valid(): void {
    this.#reasons = [];
    this.#since = performance.now();
  }

  invalid(reason: string): void {
    this.#reasons.push(reason);
  }

  isOver(): boolean {
    const latest = this.#reasons.slice(-HOPELESS);
    if (latest.length < HOPELESS) return false;
    // The same words again and again are no neighbour's doing: the load itself cannot give the figure.
    if (latest.every((reason) => reason === latest[0])) return true;
    return performance.now() - this.#since >= this.limitMs * HOPELESS_SHARE;
  }

  /** FANWIRE_COMPARE_INVALID, for exit code 3. */
  error(): FanwireError {
    const last = this.#reasons.at(-1) ?? 'none was played';
    const mend = isOfLoad(last) ? 'raise --rate or --duration' : 'lower --rate or --subscribers, or free the machine';
    return new FanwireError(
      'FANWIRE_COMPARE_INVALID',
      `${this.#reasons.length} ${this.what} in a row were invalid, the last because ${last}; ${mend}`,
    );
  }
}

/** A reason that every run of this load will have, whatever the neighbours do. */
export function isOfLoad(reason: string): boolean {
  return reason.startsWith('too few');
}
