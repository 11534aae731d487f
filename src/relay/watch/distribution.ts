// How whole numbers are distributed, in buckets that double: cheap enough to feed on every message.

/** Buckets up to 0, 1, 2, 4, … 2^23, and one beyond. */
const BUCKETS = 26;

/** A distribution as plain data, to pass between threads and to add up. */
export interface DistributionCounts {
  /** Observations per bucket, not cumulative: counts[0] is those of 0, counts[i] those up to 2^(i-1), the last those
   *  beyond. */
  readonly counts: readonly number[];
  readonly sum: number;
}

export class Distribution {
  private readonly counts = new Array<number>(BUCKETS).fill(0);
  private sum = 0;

  /** Counts a whole number from 0 to 2^31. */
  observe(value: number): void {
    const bucket = value === 0 ? 0 : Math.min(BUCKETS - 1, 33 - Math.clz32(value - 1));
    (this.counts[bucket] as number)++;
    this.sum += value;
  }

  toJSON(): DistributionCounts {
    return { counts: [...this.counts], sum: this.sum };
  }
}

/** The upper bound of each bucket but the last, which has none. */
export const BUCKET_BOUNDS: readonly number[] = Array.from({ length: BUCKETS - 1 }, (_, index) =>
  index === 0 ? 0 : 2 ** (index - 1),
);
