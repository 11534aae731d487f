// Where a series of measurements changed its level: E-divisive with a permutation test. D. Matteson and N. James, "A
// nonparametric approach for multiple change point analysis of multivariate data" (Journal of the American Statistical
// Association 109, 2014); used for performance by D. Daly and others at MongoDB ("The use of change point detection to
// identify software performance regressions in a continuous integration system", ICPE 2020) and by Apache Otava.

/** Values on either side of a change at least: fewer cannot be told from an outlier. */
const SHORTEST = 3;
/** Orders drawn by chance to compare with. */
const PERMUTATIONS = 399;
/** A change is one when fewer of the drawn orders show one as clear. With five values on either side this is just
 *  possible. */
const SIGNIFICANCE = 0.01;
/** With so many that show one as clear it is not significant, whatever the rest shows. */
const ENOUGH_AS_CLEAR = Math.floor(SIGNIFICANCE * (PERMUTATIONS + 1));
/** Clarities that differ by no more are equal. */
const ROUNDING = 1e-12;
/** Older values are left out. */
export const LONGEST = 400;

export interface ChangePoint {
  /** Index of the first value of the new level. */
  readonly at: number;
  /** Share of the drawn orders that show a change as clear. */
  readonly p: number;
}

/** The changes of level in `values`, oldest first. `random` draws the orders. */
export function changePoints(values: readonly number[], random: () => number): ChangePoint[] {
  const offset = Math.max(0, values.length - LONGEST);
  const recent = values.slice(offset);
  const found: ChangePoint[] = [];
  for (;;) {
    const borders = [0, ...found.map(({ at }) => at).sort((a, b) => a - b), recent.length];
    const segments = borders.slice(1).map((end, i) => rankedOf(recent.slice(borders[i], end)));
    const best = clearest(segments);
    if (best === null) break;
    let asClear = 0;
    // No more than it takes to know that it is none: most series have none.
    for (let i = 0; i < PERMUTATIONS && asClear < ENOUGH_AS_CLEAR; i++) {
      // Shuffled within segments, so that a change that is already known is not found again.
      const drawn = clearest(segments.map((segment) => shuffled(segment, random)));
      if (drawn !== null && drawn.clarity >= best.clarity - ROUNDING) asClear++;
    }
    const p = (asClear + 1) / (PERMUTATIONS + 1);
    if (p > SIGNIFICANCE) break;
    found.push({ at: (borders[best.segment] as number) + best.at, p });
  }
  return found.map(({ at, p }) => ({ at: at + offset, p })).sort((a, b) => a.at - b.at);
}

interface Split {
  readonly segment: number;
  /** Within the segment. */
  readonly at: number;
  readonly clarity: number;
}

/** The split of any segment whose sides differ most. */
function clearest(segments: readonly Segment[]): Split | null {
  let best: Split | null = null;
  for (const [segment, ranked] of segments.entries()) {
    const split = clearestWithin(ranked);
    if (split !== null && (best === null || split.clarity > best.clarity)) best = { segment, ...split };
  }
  return best;
}

/** The energy distance of both sides (with distances to the first power), scaled by their lengths: Q̂ in the paper.
 *  Sums of distances are moved from one side to the other as the split moves. A value's distances to those before it
 *  come from their counts and sums by rank, in n log n steps for all. */
function clearestWithin({ values, ranks, distances }: Segment): Omit<Split, 'segment'> | null {
  const n = values.length;
  if (n < 2 * SHORTEST) return null;
  const before = new BelowRank(n);
  let [left, across, right] = [0, 0, distances.reduce((sum, one) => sum + one, 0) / 2];
  let best: Omit<Split, 'segment'> | null = null;
  for (let at = 1; at <= n - SHORTEST; at++) {
    const toLeft = before.distancesTo(values[at - 1] as number, ranks[at - 1] as number);
    const toRight = (distances[at - 1] as number) - toLeft;
    before.add(values[at - 1] as number, ranks[at - 1] as number);
    left += toLeft;
    right -= toRight;
    across += toRight - toLeft;
    if (at < SHORTEST) continue;
    const m = n - at;
    const within = (2 * left) / (at * (at - 1)) + (2 * right) / (m * (m - 1));
    const clarity = ((at * m) / n) * ((2 * across) / (at * m) - within);
    if (best === null || clarity > best.clarity) best = { at, clarity };
  }
  return best;
}

/** Values, of each its rank from 1 on, and the sum of its distances to all others: whatever their order. */
interface Segment {
  readonly values: Float64Array;
  readonly ranks: Int32Array;
  readonly distances: Float64Array;
}

function rankedOf(values: readonly number[]): Segment {
  const n = values.length;
  const order = Array.from(values.keys()).sort((a, b) => (values[a] as number) - (values[b] as number));
  const sum = values.reduce((all, value) => all + value, 0);
  const [ranks, distances] = [new Int32Array(n), new Float64Array(n)];
  let below = 0;
  for (const [k, i] of order.entries()) {
    const value = values[i] as number;
    ranks[i] = k + 1;
    distances[i] = value * k - below + (sum - below - value) - value * (n - 1 - k);
    below += value;
  }
  return { values: Float64Array.from(values), ranks, distances };
}

/** Counts and sums of values by rank. P. Fenwick, "A new data structure for cumulative frequency tables" (Software:
 *  Practice and Experience 24, 1994). */
class BelowRank {
  private readonly counts: Float64Array;
  private readonly sums: Float64Array;
  private count = 0;
  private sum = 0;

  constructor(n: number) {
    this.counts = new Float64Array(n + 1);
    this.sums = new Float64Array(n + 1);
  }

  add(value: number, rank: number): void {
    this.count += 1;
    this.sum += value;
    for (let i = rank; i < this.counts.length; i += i & -i) {
      this.counts[i] = (this.counts[i] as number) + 1;
      this.sums[i] = (this.sums[i] as number) + value;
    }
  }

  /** The sum of the distances of `value` to all that were added. */
  distancesTo(value: number, rank: number): number {
    let [count, sum] = [0, 0];
    for (let i = rank - 1; i > 0; i -= i & -i) {
      count += this.counts[i] as number;
      sum += this.sums[i] as number;
    }
    return value * count - sum + (this.sum - sum) - value * (this.count - count);
  }
}

/** R. Fisher and F. Yates, 1938. */
function shuffled({ values, ranks, distances }: Segment, random: () => number): Segment {
  const drawn = { values: values.slice(), ranks: ranks.slice(), distances: distances.slice() };
  for (let i = values.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    swap(drawn.values, i, j);
    swap(drawn.ranks, i, j);
    swap(drawn.distances, i, j);
  }
  return drawn;
}

function swap(list: Float64Array | Int32Array, i: number, j: number): void {
  const one = list[i] as number;
  list[i] = list[j] as number;
  list[j] = one;
}
