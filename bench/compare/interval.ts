// Confidence intervals of a ratio over pairs of runs, by the bootstrap: pairs are drawn again with replacement, so whatever
// moved both runs of a pair (the machine's drift) stays inside it.
//
// With few pairs the plain percentile bootstrap is too narrow. It is widened so that for a mean it agrees with Student's t:
// T. Hesterberg, "What Teachers Should Know About the Bootstrap" (The American Statistician 69(4), 2015), section 3.4.2,
// "expanded percentile interval": alpha' / 2 = Phi(-sqrt(n / (n - 1)) * t(1 - alpha / 2, n - 1)).

export interface Interval {
  readonly ratio: number;
  readonly low: number;
  readonly high: number;
}

/** Draws again; enough that the ends of a 99 % interval move by less than a tenth of its width between seeds. */
const RESAMPLES = 2000;
/** Below this many pairs there is no interval to speak of. */
export const LEAST_PAIRS = 4;

/** Draws as many pairs as there are, with replacement. */
export type Draw<Pair> = (pairs: readonly Pair[], random: () => number) => readonly Pair[];

export function drawPairs<Pair>(pairs: readonly Pair[], random: () => number): Pair[] {
  return pairs.map(() => pairs[Math.floor(random() * pairs.length)] as Pair);
}

/** For runs that were not made in pairs: either side is drawn by itself. */
export function drawIndependently<Run, Pair extends { readonly base: Run; readonly head: Run }>(
  pairs: readonly Pair[],
  random: () => number,
): Pair[] {
  const bases = drawPairs(pairs, random);
  return drawPairs(pairs, random).map((pair, i) => ({ ...pair, base: (bases[i] as Pair).base }));
}

/**
 * The ratio `ratioOf` of all `pairs` and its interval at `confidence` (0 to 1). `ratioOf` gets a list with repetitions and may
 * answer null where a sample has no ratio. Null for fewer than four pairs, or where no ratio can be had. The same pairs and
 * seed give the same interval.
 */
export function bootstrapInterval<Pair>(
  pairs: readonly Pair[],
  ratioOf: (sample: readonly Pair[]) => number | null,
  confidence: number,
  draw: Draw<Pair> = drawPairs,
  seed = 1,
): Interval | null {
  const n = pairs.length;
  const ratio = n < LEAST_PAIRS ? null : ratioOf(pairs);
  if (ratio === null) return null;
  const random = mulberry32(seed);
  const ratios: number[] = [];
  for (let i = 0; i < RESAMPLES; i++) {
    const drawn = ratioOf(draw(pairs, random));
    if (drawn !== null) ratios.push(drawn);
  }
  if (ratios.length < RESAMPLES / 2) return null;
  ratios.sort((a, b) => a - b);
  const tail = normalCdf(-Math.sqrt(n / (n - 1)) * studentQuantile(1 - (1 - confidence) / 2, n - 1));
  return { ratio, low: quantile(ratios, tail), high: quantile(ratios, 1 - tail) };
}

/** What is left out at either end. */
const TRIMMED_SHARE = 0.2;

/** The pairs without the fifth of them at either end of their own ratios: a run that a neighbour on the machine disturbed does
 *  not decide. Those that have no ratio are left out too; null when they are more than a fifth. */
export function trimPairs<Pair>(pairs: readonly Pair[], ratioOf: (pair: Pair) => number | null): Pair[] | null {
  const ranked: { readonly pair: Pair; readonly ratio: number }[] = [];
  for (const pair of pairs) {
    const ratio = ratioOf(pair);
    if (ratio !== null) ranked.push({ pair, ratio });
  }
  if (ranked.length < pairs.length * (1 - TRIMMED_SHARE)) return null;
  ranked.sort((a, b) => a.ratio - b.ratio);
  const cut = Math.floor(ranked.length * TRIMMED_SHARE);
  return ranked.slice(cut, ranked.length - cut).map(({ pair }) => pair);
}

/** The mean of the trimmed pairs' log ratios, as a ratio. Null when more than a fifth of them lack a figure. */
export function trimmedMeanRatio<Pair>(pairs: readonly Pair[], ratioOf: (pair: Pair) => number | null): number | null {
  const kept = trimPairs(pairs, ratioOf);
  if (kept === null || kept.length === 0) return null;
  return Math.exp(kept.reduce((sum, pair) => sum + Math.log(ratioOf(pair) as number), 0) / kept.length);
}

/** `head` over `base`; null unless both are above zero. */
export function ratioOrNull(base: number | null, head: number | null): number | null {
  return base !== null && head !== null && base > 0 && head > 0 ? head / base : null;
}

/** Linear interpolation between order statistics (type 7 of Hyndman and Fan 1996) of a sorted list. */
function quantile(sorted: readonly number[], p: number): number {
  const at = p * (sorted.length - 1);
  const below = Math.floor(at);
  const low = sorted[below] as number;
  return low + ((sorted[Math.min(below + 1, sorted.length - 1)] as number) - low) * (at - below);
}

/** Phi, by the error function's approximation 7.1.26 of Abramowitz and Stegun (absolute error below 1.5e-7). */
export function normalCdf(z: number): number {
  const x = Math.abs(z) / Math.SQRT2;
  const t = 1 / (1 + 0.3275911 * x);
  const poly = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
  const erf = 1 - poly * Math.exp(-x * x);
  return z >= 0 ? (1 + erf) / 2 : (1 - erf) / 2;
}

/** Quantile of Student's t: the normal quantile expanded in 1/df, 26.7.5 of Abramowitz and Stegun (within 1 % from 3 degrees
 *  of freedom and 99.5 % on; tested against the tables). */
export function studentQuantile(p: number, df: number): number {
  const z = normalQuantile(p);
  const z2 = z * z;
  const g1 = (z * (z2 + 1)) / 4;
  const g2 = (z * (5 * z2 * z2 + 16 * z2 + 3)) / 96;
  const g3 = (z * (3 * z2 ** 3 + 19 * z2 * z2 + 17 * z2 - 15)) / 384;
  const g4 = (z * (79 * z2 ** 4 + 776 * z2 ** 3 + 1482 * z2 * z2 - 1920 * z2 - 945)) / 92160;
  return z + g1 / df + g2 / df ** 2 + g3 / df ** 3 + g4 / df ** 4;
}

/** By bisection of `normalCdf`: exact enough, and short. */
function normalQuantile(p: number): number {
  let [low, high] = [-8, 8];
  for (let i = 0; i < 60; i++) {
    const mid = (low + high) / 2;
    if (normalCdf(mid) < p) low = mid;
    else high = mid;
  }
  return (low + high) / 2;
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
