// Latency counts in a flat array, for the one place that records half a million values per second.
//
// The bucket layout is HdrHistogram's with three significant digits (2,048 values exact, then 1,024 buckets per
// doubling; http://hdrhistogram.org), so the counts convert to a histogram without further loss. Recording costs 8 ns a
// value here, 48 ns in `hdr-histogram-js` and 19 ns in its WebAssembly form (bench/micro/record-latency.ts, values
// spread over five decades).

import type { Histogram } from 'hdr-histogram-js';
import { HIGHEST_LATENCY_US, recordLatencyUs } from '../../measure/histogram.js';

/** Buckets up to 2^26 µs (67 s), beyond the 60 s that a result's histogram holds. */
const BUCKETS = 2048 + 16 * 1024;

/** Counts of latencies in µs. */
export class LatencyCounts {
  private readonly counts = new Uint32Array(BUCKETS);

  /** Counts one latency (integer µs). Below 0 counts as 0, above 60 s as 60 s. */
  record(us: number): void {
    const value = us < 0 ? 0 : us > HIGHEST_LATENCY_US ? HIGHEST_LATENCY_US : us | 0;
    const index = value < 2048 ? value : indexAbove2048(value);
    this.counts[index] = (this.counts[index] as number) + 1;
  }

  /** Counts one latency `times` times. */
  recordTimes(us: number, times: number): void {
    const value = us < 0 ? 0 : us > HIGHEST_LATENCY_US ? HIGHEST_LATENCY_US : us | 0;
    const index = value < 2048 ? value : indexAbove2048(value);
    this.counts[index] = (this.counts[index] as number) + times;
  }

  /** Returns the non-empty buckets as (lowest value in µs, count) pairs, and empties all buckets. */
  take(): Uint32Array {
    const pairs: number[] = [];
    for (let i = 0; i < BUCKETS; i++) {
      const count = this.counts[i] as number;
      if (count > 0) pairs.push(lowestValue(i), count);
    }
    this.counts.fill(0);
    return Uint32Array.from(pairs);
  }
}

/** Adds the pairs of `take`, possibly from another process, to `histogram` (unit: µs). */
export function addCounts(histogram: Histogram, pairs: Uint32Array): void {
  for (let i = 0; i < pairs.length; i += 2) recordLatencyUs(histogram, pairs[i] as number, pairs[i + 1] as number);
}

/** Number of samples in the pairs of `take`. */
export function totalCount(pairs: Uint32Array): number {
  let total = 0;
  for (let i = 1; i < pairs.length; i += 2) total += pairs[i] as number;
  return total;
}

function indexAbove2048(value: number): number {
  const doublings = 21 - Math.clz32(value);
  return 1024 * doublings + (value >>> doublings);
}

function lowestValue(index: number): number {
  if (index < 2048) return index;
  const doublings = (index >>> 10) - 1;
  return (index - 1024 * doublings) * 2 ** doublings;
}
