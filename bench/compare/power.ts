// What a comparison could have seen, and how long an undecided one would take: the procedure itself, played on pairs
// that are drawn again from those that were measured (a bootstrap: B. Efron, Annals of Statistics 7, 1979).

import { median } from '../measure/median.js';
import { limitOf } from './budget.js';
import { TELLING_PAIRS } from './comparison.js';
import { Evidence } from './evidence.js';
import { type GateBudget, GateEvidence } from './gate-evidence.js';
import { pseudoMedian } from './interval.js';

/** Comparisons that are made up for one answer: a share of 90 % is then known within 4 points. */
const TRIALS = 200;
const WANTED_SHARE = 0.9;
/** Changes above this factor are not looked for. */
const LARGEST_LOG = Math.log(8);
/** How many times as long as was played is still "how long it takes"; beyond, it is as good as never. */
const PATIENCE = 20;
/** Further pairs are not tried beyond this number: the search would take longer than a second. */
const MOST_FURTHER = 500;

/** The smallest change for the worse, as a fraction, that `pairs` pairs of this spread would have shown to be over
 *  the gate's budget with a probability of 90 %, at the error `p`. Null where no change would be found that often,
 *  or where too few pairs show the spread. */
export function wouldCatch(
  logRatios: readonly number[],
  { budget, moreIsBetter }: GateBudget,
  p: number,
  pairs: number,
  random: () => number,
): number | null {
  const residuals = residualsOf(logRatios);
  if (residuals === null || pairs < TELLING_PAIRS) return null;
  // The same luck for every effect, so that a larger one is caught wherever a smaller one is.
  const draws = Array.from({ length: TRIALS }, () => Array.from({ length: pairs }, () => pick(residuals, random)));
  const limit = Math.log(limitOf(budget, moreIsBetter));
  const isCaught = (log: number): boolean =>
    draws.filter((noise) => regresses(noise, log, limit, p)).length >= TRIALS * WANTED_SHARE;
  if (!isCaught(LARGEST_LOG)) return null;
  let [low, high] = [limit, LARGEST_LOG];
  for (let i = 0; i < 11; i++) {
    const mid = (low + high) / 2;
    if (isCaught(mid)) high = mid;
    else low = mid;
  }
  return Math.expm1(high);
}

/** Whether `noise` around `log` is called a regression beyond `limit` at any of its pairs. */
function regresses(noise: readonly number[], log: number, limit: number, p: number): boolean {
  const evidence = new Evidence(limit);
  for (const one of noise) {
    evidence.add(log + one);
    if (evidence.pAbove <= p) return true;
  }
  return false;
}

/** The number of further pairs after which half of all comparisons that begin with these pairs have decided whether the
 *  gate is worse, at the error `p` (`pNotWorse` for "not worse"). Null where half of them are undecided after twenty
 *  times what was played. */
export function furtherPairs(
  logRatios: readonly number[],
  gate: GateBudget,
  { p, pNotWorse }: { readonly p: number; readonly pNotWorse: number },
  random: () => number,
): number | null {
  const residuals = residualsOf(logRatios);
  const center = pseudoMedian(logRatios);
  if (residuals === null || center === null) return null;
  const error = (1.4826 * (median(residuals.map(Math.abs)) as number)) / Math.sqrt(logRatios.length);
  const most = Math.min(logRatios.length * PATIENCE, MOST_FURTHER);
  const needed: number[] = [];
  for (let trial = 0; trial < TRIALS / 2; trial++) {
    const evidence = new GateEvidence(gate.budget, gate.moreIsBetter);
    for (const one of logRatios) evidence.add(one);
    // The center is only an estimate: the truth is drawn around it.
    const truth = center + error * normal(random);
    let pairs = 0;
    while (pairs < most && evidence.pRegressed > p && evidence.pNotWorse > pNotWorse) {
      evidence.add(truth + pick(residuals, random));
      pairs++;
    }
    needed.push(pairs);
  }
  const half = median(needed) as number;
  return half >= most ? null : Math.max(1, Math.ceil(half));
}

/** How far each pair lies from the center, widened a little because the center was fitted to the same pairs. Null
 *  for too few pairs. */
function residualsOf(logRatios: readonly number[]): number[] | null {
  const center = pseudoMedian(logRatios);
  if (center === null || logRatios.length < TELLING_PAIRS) return null;
  const widening = Math.sqrt(logRatios.length / (logRatios.length - 1));
  return logRatios.map((one) => (one - center) * widening);
}

function pick(values: readonly number[], random: () => number): number {
  return values[Math.floor(random() * values.length)] as number;
}

function normal(random: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}
