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
/** Older values are left out: the work grows with the square. */
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
    const segments = borders.slice(1).map((end, i) => recent.slice(borders[i], end));
    const best = clearest(segments);
    if (best === null) break;
    let asClear = 0;
    // No more than it takes to know that it is none: most series have none.
    for (let i = 0; i < PERMUTATIONS && asClear < ENOUGH_AS_CLEAR; i++) {
      // Shuffled within segments, so that a change that is already known is not found again.
      const drawn = clearest(segments.map((segment) => shuffled(segment, random)));
      if (drawn !== null && drawn.clarity >= best.clarity) asClear++;
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
function clearest(segments: readonly (readonly number[])[]): Split | null {
  let best: Split | null = null;
  for (const [segment, values] of segments.entries()) {
    const split = clearestWithin(values);
    if (split !== null && (best === null || split.clarity > best.clarity)) best = { segment, ...split };
  }
  return best;
}

/** The energy distance of both sides (with distances to the first power), scaled by their lengths: Q̂ in the paper.
 *  Sums of distances are moved from one side to the other as the split moves. */
function clearestWithin(values: readonly number[]): Omit<Split, 'segment'> | null {
  const n = values.length;
  if (n < 2 * SHORTEST) return null;
  let [left, across, right] = [0, 0, 0];
  for (let i = 0; i < n; i++) {
    for (let j = i + 1; j < n; j++) right += Math.abs((values[i] as number) - (values[j] as number));
  }
  let best: Omit<Split, 'segment'> | null = null;
  for (let at = 1; at <= n - SHORTEST; at++) {
    const moved = values[at - 1] as number;
    let [toLeft, toRight] = [0, 0];
    for (let i = 0; i < at - 1; i++) toLeft += Math.abs(moved - (values[i] as number));
    for (let i = at; i < n; i++) toRight += Math.abs(moved - (values[i] as number));
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

/** R. Fisher and F. Yates, 1938. */
function shuffled(values: readonly number[], random: () => number): number[] {
  const drawn = [...values];
  for (let i = drawn.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [drawn[i], drawn[j]] = [drawn[j] as number, drawn[i] as number];
  }
  return drawn;
}
