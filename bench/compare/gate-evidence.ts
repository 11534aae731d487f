// What the pairs so far say of each gate's budget, and of all gates together, with one stated error for the whole
// verdict.
//
// - "regressed" is true of the whole when it is true of any gate, so the error is shared over them: S. Holm, "A simple
//   sequentially rejective multiple test procedure" (Scandinavian Journal of Statistics 6, 1979). The same for
//   "improved".
// - "unchanged" (and "not worse") is true of the whole only when it is true of every gate. Each may take the whole
//   error, for all would have to be wrong together: R. L. Berger, "Multiparameter hypothesis testing and acceptance
//   sampling" (Technometrics 24, 1982).
// - Each claim is one-sided and has half of the error, so that it agrees with the two-sided interval of the reports.

import { limitOf, type Verdict } from './budget.js';
import { Evidence } from './evidence.js';

/** The evidence on one metric and its budget. */
export class GateEvidence {
  private readonly worse: Evidence;
  private readonly better: Evidence;
  private readonly sign: 1 | -1;

  constructor(budget: number, moreIsBetter: boolean) {
    const limit = Math.log(limitOf(budget, moreIsBetter));
    this.worse = new Evidence(limit);
    this.better = new Evidence(-limit);
    this.sign = moreIsBetter ? -1 : 1;
  }

  /** Takes in the logarithm of one pair's head over base. */
  add(logRatio: number): void {
    this.worse.add(this.sign * logRatio);
    this.better.add(this.sign * logRatio);
  }

  get pRegressed(): number {
    return this.worse.pAbove;
  }

  get pImproved(): number {
    return this.better.pBelow;
  }

  get pNotWorse(): number {
    return this.worse.pBelow;
  }

  get pUnchanged(): number {
    return Math.max(this.worse.pBelow, this.better.pAbove);
  }

  /** What holds at this error where the gate has neither regressed nor improved. */
  within(error: number): Verdict {
    if (this.pUnchanged <= error) return 'unchanged';
    return this.pNotWorse <= error ? 'not worse' : 'inconclusive';
  }
}

/** What a gate is judged by. */
export interface GateBudget {
  /** How much worse the metric may get, as a fraction of the base's. */
  readonly budget: number;
  readonly moreIsBetter: boolean;
}

/** All gates of a comparison, over all its scenarios, judged together. */
export class GateJudgement {
  private readonly gates: readonly GateEvidence[];

  /** `alpha`: how often the verdict on the whole may be wrong. */
  constructor(
    gates: readonly GateBudget[],
    private readonly alpha: number,
  ) {
    this.gates = gates.map(({ budget, moreIsBetter }) => new GateEvidence(budget, moreIsBetter));
  }

  /** Takes in one pair's ratio of gate `index`. */
  add(index: number, ratio: number): void {
    this.gates[index]?.add(Math.log(ratio));
  }

  verdicts(): Verdict[] {
    const half = this.alpha / 2;
    const claim = (p: (gate: GateEvidence) => number): boolean[] => holm(this.gates.map(p), half);
    const regressed = claim((gate) => gate.pRegressed);
    const improved = claim((gate) => gate.pImproved);
    return this.gates.map((gate, i) => {
      if (regressed[i] === true) return 'regressed';
      if (improved[i] === true) return 'improved';
      return gate.within(half);
    });
  }
}

/** The verdict on one metric by itself, with `alpha` for it alone. */
export function judgeAlone(evidence: GateEvidence, logRatios: readonly number[], alpha: number): Verdict {
  for (const logRatio of logRatios) evidence.add(logRatio);
  if (evidence.pRegressed <= alpha / 2) return 'regressed';
  if (evidence.pImproved <= alpha / 2) return 'improved';
  return evidence.within(alpha / 2);
}

/** What a comparison is asked. */
export interface VerdictQuestion {
  /** Only whether the head is worse, not whether it is better. */
  readonly isOneSided: boolean;
}

/** Whether further pairs could tell more of a gate. */
export function isOpen(verdict: Verdict, { isOneSided }: VerdictQuestion): boolean {
  return verdict === 'inconclusive' || (verdict === 'not worse' && !isOneSided);
}

/** Whether the verdict on the whole is final: no further pair could change it. One regression is enough. */
export function isDecided(verdicts: readonly Verdict[], question: VerdictQuestion): boolean {
  return verdicts.includes('regressed') || !verdicts.some((verdict) => isOpen(verdict, question));
}

/** The p-value at which the first of `gates` gates is said to have regressed. */
export function firstThreshold(alpha: number, gates: number): number {
  return alpha / 2 / gates;
}

/** Which of the claims with these p-values hold, at the error `alpha` for all of them together (Holm 1979). */
export function holm(pValues: readonly number[], alpha: number): boolean[] {
  if (pValues.every((p) => p > alpha)) return pValues.map(() => false);
  const order = pValues.map((_, i) => i).sort((a, b) => (pValues[a] as number) - (pValues[b] as number));
  const holds = pValues.map(() => false);
  for (const [rank, i] of order.entries()) {
    if ((pValues[i] as number) > alpha / (pValues.length - rank)) break;
    holds[i] = true;
  }
  return holds;
}
