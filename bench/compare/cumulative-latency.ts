// A run's latencies as a cumulative histogram, so that a percentile over any choice of runs is a binary search: the bootstrap
// asks for thousands. (Adding up the buckets took 550 ms for 30 pairs and one percentile.)

import type { Histogram } from 'hdr-histogram-js';
import { newLatencyHistogram } from '../measure/histogram.js';

export interface CumulativeLatency {
  /** At the index of an HdrHistogram's bucket: how many latencies lie in it and in those below. */
  readonly upTo: Uint32Array;
  readonly total: number;
}

/** What JsHistogram has beside the interface it is declared as. */
interface Buckets {
  readonly countsArrayLength: number;
  getCountAtIndex(index: number): number;
  valueFromIndex(index: number): number;
  highestEquivalentValue(value: number): number;
}

/** All latency histograms have the same layout (bench/measure/histogram.ts), so a bucket's index means the same in each. */
const layout = newLatencyHistogram() as unknown as Buckets;

export function cumulativeLatency(histogram: Histogram): CumulativeLatency {
  const buckets = histogram as unknown as Buckets;
  const upTo = new Uint32Array(layout.countsArrayLength);
  let total = 0;
  for (let i = 0; i < upTo.length; i++) {
    if (i < buckets.countsArrayLength) total += buckets.getCountAtIndex(i);
    upTo[i] = total;
  }
  return { upTo, total };
}

export function totalLatencies(runs: readonly CumulativeLatency[]): number {
  return runs.reduce((sum, run) => sum + run.total, 0);
}

/** The latency (µs) at `percentile` (0 to 100) of all `runs` together, as their merged histogram gives it; a run that is named
 *  twice counts twice. Null when they hold none. */
export function mergedPercentileUs(runs: readonly CumulativeLatency[], percentile: number): number | null {
  const total = totalLatencies(runs);
  if (total === 0) return null;
  // Rounded up as HdrHistogram does, which leaves out what floating point put on top.
  const wanted = Math.max(1, Math.ceil((percentile / 100) * total - 1e-6));
  let low = 0;
  let high = layout.countsArrayLength - 1;
  while (low < high) {
    const mid = (low + high) >> 1;
    let upToMid = 0;
    for (const { upTo } of runs) upToMid += upTo[mid] as number;
    if (upToMid >= wanted) high = mid;
    else low = mid + 1;
  }
  return layout.highestEquivalentValue(layout.valueFromIndex(low));
}
