// Counts latencies in a log-linear histogram with three significant digits (HdrHistogram's bucketing, Gil Tene), so
// that a VU can report every delivery of a long run in a few hundred numbers.

/** Counts by bucket value in microseconds. */
export type Buckets = Map<number, number>;

/** Values below this are exact to the microsecond. Larger ones keep ten bits below the leading one: an error under 0.1
 *  %. */
const EXACT_BELOW_US = 2048;
const KEPT_BITS = 10;

function bucketOf(us: number): number {
  if (us < EXACT_BELOW_US) return us;
  const shift = 31 - Math.clz32(us) - KEPT_BITS;
  return (us >>> shift) << shift;
}

/** Counts one latency. Below zero (clock resolution) counts as zero, above 35 minutes as 35 minutes. */
export function count(buckets: Buckets, ms: number): void {
  const us = Math.min(Math.max(Math.round(ms * 1000), 0), 0x7fffffff);
  const bucket = bucketOf(us);
  buckets.set(bucket, (buckets.get(bucket) ?? 0) + 1);
}

/** The buckets as a flat list `[us, count, us, count, …]`, for JSON. */
export function flat(buckets: Buckets): number[] {
  const list: number[] = [];
  for (const [us, n] of buckets) list.push(us, n);
  return list;
}
