// Servers that end or drop clients in the middle of runs: no figure comes of such a run, and it is the worst that a
// head can do.

import type { Pair } from './metrics.js';

/** What was seen of a side's servers. */
export interface FaultCount {
  /** Runs played to their end, those with a fault too. */
  readonly runs: number;
  /** What went wrong, one entry a run: "ended with exit code 1: Error: boom". */
  readonly faults: readonly string[];
}

export interface FaultOutcome {
  readonly base: FaultCount;
  readonly head: FaultCount;
  readonly isHeadWorse: boolean;
}

/** Two are no accident any more: nothing further is played. */
const DEATHS = 2;

export class ServerFaults {
  private readonly runs = { base: 0, head: 0 };
  private readonly faults: Record<keyof Pair, { readonly text: string; readonly isDeath: boolean }[]> = {
    base: [],
    head: [],
  };

  ranWell(side: keyof Pair): void {
    this.runs[side] += 1;
  }

  /** `isDeath`: the process ended. Otherwise it closed or refused clients, for which a starved generator may be
   *  partly to blame. */
  failed(side: keyof Pair, text: string, isDeath: boolean): void {
    this.runs[side] += 1;
    this.faults[side].push({ text, isDeath });
  }

  /** Whether it is clear while playing, with an error of `alpha`, that the head's servers fail where the base's do
   *  not. */
  isClear(alpha: number): boolean {
    return this.deathsOfHeadAlone() >= DEATHS || this.isHeadWorseBySign(alpha);
  }

  /** Whether the base fails in whatever it plays: then there is nothing to compare with, however long one waits. */
  baseNeverHolds(): boolean {
    const { length } = this.faults.base;
    return length > DEATHS && length === this.runs.base;
  }

  outcome(alpha: number): FaultOutcome {
    const count = (side: keyof Pair): FaultCount => ({
      runs: this.runs[side],
      faults: this.faults[side].map(({ text }) => text),
    });
    const isHeadWorse = this.deathsOfHeadAlone() > 0 || this.isHeadWorseBySign(alpha);
    return { base: count('base'), head: count('head'), isHeadWorse };
  }

  /** No neighbour ends a process: one death counts against the head once the base has played a run without any. */
  private deathsOfHeadAlone(): number {
    const hasBasePlayed = this.runs.base > 0 && this.faults.base.length === 0;
    return hasBasePlayed ? this.faults.head.filter(({ isDeath }) => isDeath).length : 0;
  }

  /** The sign test: were both alike, each fault would be the head's with a probability of one half. */
  private isHeadWorseBySign(alpha: number): boolean {
    const [head, all] = [this.faults.head.length, this.faults.head.length + this.faults.base.length];
    return this.runs.base > 0 && atLeast(head, all) <= alpha;
  }
}

/** The probability of `count` heads or more in `throws` of a fair coin. */
function atLeast(count: number, throws: number): number {
  let [ways, sum] = [1, 0];
  for (let k = 0; k <= throws; k++) {
    if (k >= count) sum += ways;
    ways = (ways * (throws - k)) / (k + 1);
  }
  return sum / 2 ** throws;
}

/** "head's server failed in 2 of 3 runs (ended with exit code 1: Error: boom), base's in 0 of 3"; undefined where none
 *  failed. */
export function describeFaults({ base, head }: FaultOutcome): string | undefined {
  if (base.faults.length + head.faults.length === 0) return undefined;
  const worst = head.faults.length > 0 ? head : base;
  const side = (name: string, { runs, faults }: FaultCount): string => `${name} ${faults.length} of ${runs} runs`;
  const what = `the server ended, dropped clients or stopped delivering in ${side('head’s', head)}, ${side('base’s', base)}`;
  return `${what} (${worst.faults[0]})`;
}
