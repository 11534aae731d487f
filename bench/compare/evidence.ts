// Evidence, pair by pair, on which side of a border the true ratio of two builds lies. It may be looked at after every
// pair, and the comparison be ended whenever it is enough: the stated error holds at any such moment.
//
// Two equal builds give log ratios that are symmetric about zero (the order of a pair is drawn by chance, so a drift
// has either sign), and builds that differ by a factor give such around its logarithm. So, if the border is the truth,
// each pair lies above or below it with even chances, however far away it lies. A gambler bets on "above", more on a
// pair that lies further out than those before it: its sequential signed rank (M. R. Reynolds, "A sequential
// signed-rank test for symmetry", Annals of Statistics 3, 1975). In a fair game the wealth exceeds x times the stake
// with a probability of at most 1/x, over all times together (J. Ville, 1939). Nothing is assumed of the spread: no
// variance, no normal law, and one wild pair counts as its rank and no more. This is a test by betting on symmetric
// laws: A. Ramdas, J. Ruf, M. Larsson, W. Koolen, "Admissible anytime-valid sequential inference must rely on
// nonnegative martingales" (arXiv 2009.03167, 2020); S. Howard, A. Ramdas, J. McAuliffe, J. Sekhon, "Time-uniform,
// nonparametric, nonasymptotic confidence sequences", Annals of Statistics 49 (2021).

/** How boldly bets are made; each way gets a third of the stake. Timid bets find small effects (a third of a pair's
 *  spread); bold ones find large effects in the fewest pairs (at a threshold of 1,000: 13 pairs for an effect of
 *  three spreads, 25 for one). */
const BOLDNESS = [0.42, 1.2, 4.2] as const;
/** Wealth is kept below this, or a long comparison would overflow. */
const HIGHEST_WEALTH = 1e200;

/** What a won bet multiplies its stake by: by the number of pairs, then by rank and boldness. Cached, since a
 *  comparison asks for the same values again and again. */
const BETS: Float64Array[] = [];

function betsAmong(pairs: number): Float64Array {
  const known = BETS[pairs];
  if (known !== undefined) return known;
  const bets = new Float64Array((pairs + 1) * BOLDNESS.length);
  for (let rank = 1; rank <= pairs; rank++) {
    for (const [i, boldness] of BOLDNESS.entries()) {
      // A lost bet leaves 2 minus that, so the game is fair.
      bets[rank * BOLDNESS.length + i] = 2 / (1 + Math.exp((-2 * boldness * rank) / (pairs + 1)));
    }
  }
  BETS[pairs] = bets;
  return bets;
}

/** The evidence on one border, for either side of it. */
export class Evidence {
  /** Distances from the border so far, ascending. */
  private readonly distances: number[] = [];
  private readonly above = BOLDNESS.map(() => 1 / BOLDNESS.length);
  private readonly below = BOLDNESS.map(() => 1 / BOLDNESS.length);
  private highestAbove = 1;
  private highestBelow = 1;

  /** `border`: the logarithm of a ratio. */
  constructor(private readonly border: number) {}

  /** Takes in the logarithm of one pair's ratio. */
  add(logRatio: number): void {
    const distance = Math.abs(logRatio - this.border);
    if (distance === 0) return;
    const rank = this.rank(distance);
    const bets = betsAmong(this.distances.length);
    const isAbove = logRatio > this.border;
    let above = 0;
    let below = 0;
    for (let i = 0; i < BOLDNESS.length; i++) {
      const won = bets[rank * BOLDNESS.length + i] as number;
      const up = Math.min(HIGHEST_WEALTH, (this.above[i] as number) * (isAbove ? won : 2 - won));
      const down = Math.min(HIGHEST_WEALTH, (this.below[i] as number) * (isAbove ? 2 - won : won));
      this.above[i] = up;
      this.below[i] = down;
      above += up;
      below += down;
    }
    if (above > this.highestAbove) this.highestAbove = above;
    if (below > this.highestBelow) this.highestBelow = below;
  }

  /** The p-value of the claim that the truth lies above the border: the chance that evidence as strong as the
   *  strongest so far is luck. */
  get pAbove(): number {
    return 1 / this.highestAbove;
  }

  get pBelow(): number {
    return 1 / this.highestBelow;
  }

  /** The rank of a distance among all so far, itself included: 1 is the nearest. */
  private rank(distance: number): number {
    const distances = this.distances;
    let at = distances.length;
    distances.push(distance);
    while (at > 0 && (distances[at - 1] as number) > distance) {
      distances[at] = distances[at - 1] as number;
      at--;
    }
    distances[at] = distance;
    return at + 1;
  }
}

/** The fewest pairs that can prove anything at the error `p`: each doubles the boldest third of the stake at best. */
export function fewestPairs(p: number): number {
  for (let pairs = 1; ; pairs++) {
    const evidence = new Evidence(0);
    for (let i = 1; i <= pairs; i++) evidence.add(i);
    if (evidence.pAbove <= p) return pairs;
  }
}
