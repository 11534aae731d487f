// Latency histograms: HdrHistogram in microseconds, encoded for JSON, and mergeable across workers and runs.

import hdr, { type Histogram } from 'hdr-histogram-js';
import { FanwireError } from '../../src/base/error.js';

/** 60 s. Longer latencies are recorded as 60 s: the server has stalled by then, and the run counts as lost. */
export const HIGHEST_LATENCY_US = 60_000_000;
/** Three digits: a recorded latency is exact to 0.1 %. */
const SIGNIFICANT_DIGITS = 3;

/** A percentile needs at least this many samples beyond it; with fewer, single messages decide its value. */
const SAMPLES_BEYOND = 10;

/** An empty latency histogram (unit: µs). Every histogram of a result has this shape, so any two can be merged. */
export function newLatencyHistogram(): Histogram {
  return hdr.build({
    bitBucketSize: 64,
    lowestDiscernibleValue: 1,
    highestTrackableValue: HIGHEST_LATENCY_US,
    numberOfSignificantValueDigits: SIGNIFICANT_DIGITS,
    useWebAssembly: false,
  });
}

/** Records one latency (µs, rounded). Negative values (clock error) count as 0, more than 60 s as 60 s. */
export function recordLatencyUs(histogram: Histogram, latencyUs: number, samples = 1): void {
  const clamped = latencyUs < 0 ? 0 : latencyUs > HIGHEST_LATENCY_US ? HIGHEST_LATENCY_US : Math.round(latencyUs);
  histogram.recordValueWithCount(clamped, samples);
}

/** The histogram as base64 (HdrHistogram V2, deflated; any HdrHistogram library can read it); '' when it is empty. */
export function encodeHistogram(histogram: Histogram): string {
  return histogram.totalCount === 0 ? '' : hdr.encodeIntoCompressedBase64(histogram);
}

/** The inverse of `encodeHistogram`.
 *  @throws FanwireError FANWIRE_HISTOGRAM_INVALID */
export function decodeHistogram(encoded: string): Histogram {
  if (encoded === '') return newLatencyHistogram();
  try {
    return hdr.decodeFromCompressedBase64(encoded, 64, false);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new FanwireError('FANWIRE_HISTOGRAM_INVALID', `latencyMs.histogram is no HdrHistogram (V2): ${reason}`);
  }
}

/** A new histogram with the samples of all; none of them is changed. Merging is exact, because all have the same
 *  buckets. */
export function mergeHistograms(histograms: Iterable<Histogram>): Histogram {
  const merged = newLatencyHistogram();
  for (const histogram of histograms) merged.add(histogram);
  return merged;
}

/** Whether `samples` are enough to report `percentile` (0 to 100): at least ten must lie beyond it. */
export function enoughSamples(samples: number, percentile: number): boolean {
  return samples * (1 - percentile / 100) >= SAMPLES_BEYOND - 1e-6;
}

/** The value at `percentile` in ms; null when the histogram is empty. */
export function percentileMs(histogram: Histogram, percentile: number): number | null {
  return histogram.totalCount === 0 ? null : toMs(histogram.getValueAtPercentile(percentile));
}

/** Milliseconds; null where there are too few samples. */
export interface LatencySummary {
  p50: number | null;
  p90: number | null;
  p99: number | null;
  p999: number | null;
  p9999: number | null;
  max: number | null;
  mean: number | null;
  /** HdrHistogram V2 in microseconds, base64. */
  histogram: string;
}

/** The `latencyMs` block of a result. p999 and p9999 are null when there are too few samples. */
export function summarizeLatency(histogram: Histogram): LatencySummary {
  const samples = histogram.totalCount;
  const tail = (percentile: number) =>
    enoughSamples(samples, percentile) ? percentileMs(histogram, percentile) : null;
  return {
    p50: percentileMs(histogram, 50),
    p90: percentileMs(histogram, 90),
    p99: percentileMs(histogram, 99),
    p999: tail(99.9),
    p9999: tail(99.99),
    // Like every percentile, the top of its bucket (maxValue is not): so no p99 exceeds the max, and merging is
    // exact.
    max: percentileMs(histogram, 100),
    mean: samples === 0 ? null : toMs(histogram.mean),
    histogram: encodeHistogram(histogram),
  };
}

function toMs(us: number): number {
  return Math.round(us) / 1000;
}
