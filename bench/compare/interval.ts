// The ratio of two builds from the ratios of pairs, and the interval that holds the true one at all times at once (a
// confidence sequence): every ratio that the evidence so far does not exclude.

import { median } from '../measure/median.js';
import { Evidence } from './evidence.js';

export interface Interval {
  readonly ratio: number;
  readonly low: number;
  readonly high: number;
}

/** The search for either end stops at this factor from the estimate: further out, the pairs are too few to exclude
 *  anything. */
const FURTHEST = Math.log(16);
/** Halvings of that distance: the ends are exact to a hundredth of a percent. */
const HALVINGS = 16;

/** The ratio of `logRatios` with its interval at `confidence` (0 to 1, both ends together). Null as long as the pairs
 *  are too few to exclude any ratio at all (ten, for 99 %). */
export function intervalOf(logRatios: readonly number[], confidence: number): Interval | null {
  const center = pseudoMedian(logRatios);
  if (center === null) return null;
  const p = (1 - confidence) / 2;
  const low = end(center, -FURTHEST, (border) => evidenceAt(border, logRatios).pAbove <= p);
  const high = end(center, FURTHEST, (border) => evidenceAt(border, logRatios).pBelow <= p);
  if (low === null || high === null) return null;
  return { ratio: Math.exp(center), low: Math.exp(low), high: Math.exp(high) };
}

/** The median of the means of all pairs of values: as quiet as the mean where the spread is normal, and hardly moved by
 *  what a neighbour on the machine disturbed. J. L. Hodges and E. L. Lehmann, "Estimates of location based on rank
 *  tests" (Annals of Mathematical Statistics 34, 1963). */
export function pseudoMedian(values: readonly number[]): number | null {
  const means: number[] = [];
  for (let i = 0; i < values.length; i++) {
    for (let j = i; j < values.length; j++) means.push(((values[i] as number) + (values[j] as number)) / 2);
  }
  return median(means);
}

/** Linear interpolation between order statistics (type 7 of R. Hyndman and Y. Fan, 1996) of a sorted list. */
export function quantile(sorted: ArrayLike<number>, p: number): number {
  const at = p * (sorted.length - 1);
  const below = Math.floor(at);
  const low = sorted[below] as number;
  return low + ((sorted[Math.min(below + 1, sorted.length - 1)] as number) - low) * (at - below);
}

function evidenceAt(border: number, logRatios: readonly number[]): Evidence {
  const evidence = new Evidence(border);
  for (const logRatio of logRatios) evidence.add(logRatio);
  return evidence;
}

/** The border nearest to `center`, towards `center + span`, that is excluded. */
function end(center: number, span: number, isExcluded: (border: number) => boolean): number | null {
  if (!isExcluded(center + span)) return null;
  let [inside, outside] = [0, 1];
  for (let i = 0; i < HALVINGS; i++) {
    const mid = (inside + outside) / 2;
    if (isExcluded(center + mid * span)) outside = mid;
    else inside = mid;
  }
  return center + outside * span;
}

/** `head` over `base`; null unless both are above zero. */
export function ratioOrNull(base: number | null, head: number | null): number | null {
  return base !== null && head !== null && base > 0 && head > 0 ? head / base : null;
}

/** A seeded generator of numbers in [0, 1): T. Ettinger's mulberry32, 32 bits of state. */
export function mulberry32(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
