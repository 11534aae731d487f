// A latency histogram as two columns, so that thousands of bootstrap samples can be merged in a moment.

import type { Histogram } from 'hdr-histogram-js';
import { newLatencyHistogram } from '../histogram.js';

/** The non-empty buckets of one run, ascending: their index in HdrHistogram's counts, and how many latencies each holds. */
export interface LatencyCounts {
  readonly index: Uint32Array;
  readonly count: Float64Array;
  readonly total: number;
}

/** What JsHistogram has beside the interface it is declared as. */
interface Buckets {
  readonly countsArrayLength: number;
  getCountAtIndex(index: number): number;
  valueFromIndex(index: number): number;
  highestEquivalentValue(value: number): number;
}

/** All latency histograms have the same layout (bench/histogram.ts), so a bucket's index means the same in each. */
const layout = newLatencyHistogram() as unknown as Buckets;
const merged = new Float64Array(layout.countsArrayLength);

export function latencyCounts(histogram: Histogram): LatencyCounts {
  const buckets = histogram as unknown as Buckets;
  const index: number[] = [];
  const count: number[] = [];
  for (let i = 0; i < buckets.countsArrayLength; i++) {
    const held = buckets.getCountAtIndex(i);
    if (held === 0) continue;
    index.push(i);
    count.push(held);
  }
  return { index: Uint32Array.from(index), count: Float64Array.from(count), total: histogram.totalCount };
}

/** The latency (µs) at `percentile` (0 to 100) of all `runs` together, a run that is named twice counting twice. Null when
 *  fewer than ten latencies lie beyond it. */
export function mergedPercentileUs(runs: readonly LatencyCounts[], percentile: number): number | null {
  let total = 0;
  let highest = -1;
  for (const { index, count, total: inRun } of runs) {
    for (let i = 0; i < index.length; i++)
      merged[index[i] as number] = (merged[index[i] as number] as number) + (count[i] as number);
    total += inRun;
    highest = Math.max(highest, index.at(-1) ?? -1);
  }
  const beyond = total * (1 - percentile / 100);
  let found: number | null = null;
  let seen = 0;
  for (let i = 0; i <= highest; i++) {
    seen += merged[i] as number;
    merged[i] = 0;
    if (found === null && seen >= total - beyond) found = i;
  }
  if (found === null || beyond < 10) return null;
  return layout.highestEquivalentValue(layout.valueFromIndex(found));
}
