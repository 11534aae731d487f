// Latency histograms: HdrHistogram in microseconds, encoded to travel in JSON, mergeable over workers and runs.

import hdr, { type Histogram } from 'hdr-histogram-js';
import { FanwireError } from '../../src/base/error.js';

/** 60 s. A longer latency is recorded as 60 s: at that point the server has stalled and the run is judged lost. */
export const HIGHEST_LATENCY_US = 60_000_000;
/** Three digits: any latency is within 0.1 % of what was recorded. */
const SIGNIFICANT_DIGITS = 3;

/** A histogram needs this many samples beyond a percentile before that percentile is more than one message's luck. */
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

/** Records one latency (µs, fractions rounded); negative clock error counts as 0, more than 60 s as 60 s. */
export function recordLatencyUs(histogram: Histogram, latencyUs: number, samples = 1): void {
  const clamped = latencyUs < 0 ? 0 : latencyUs > HIGHEST_LATENCY_US ? HIGHEST_LATENCY_US : Math.round(latencyUs);
  histogram.recordValueWithCount(clamped, samples);
}

/** The histogram as base64 (HdrHistogram V2, deflated; readable by any HdrHistogram library). '' when it is empty. */
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

/** One histogram with the samples of all (none of them is changed). Merging is exact: the same buckets, counts
 *  added. */
export function mergeHistograms(histograms: Iterable<Histogram>): Histogram {
  const merged = newLatencyHistogram();
  for (const histogram of histograms) merged.add(histogram);
  return merged;
}

/** Whether `samples` are enough to state `percentile` (0 to 100): at least ten must lie beyond it. */
export function enoughSamples(samples: number, percentile: number): boolean {
  return samples * (1 - percentile / 100) >= SAMPLES_BEYOND - 1e-6;
}

/** The value at `percentile` in ms; null when the histogram is empty. */
export function percentileMs(histogram: Histogram, percentile: number): number | null {
  return histogram.totalCount === 0 ? null : toMs(histogram.getValueAtPercentile(percentile));
}

/** Milliseconds; null where the sample is too small to state it. */
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

/** The `latencyMs` block of a result. p999 and p9999 are null when the sample is too small to state them. */
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
    // Not maxValue: the top of its bucket, as every percentile is, so that no p99 exceeds the max and merging is exact.
    max: percentileMs(histogram, 100),
    mean: samples === 0 ? null : toMs(histogram.mean),
    histogram: encodeHistogram(histogram),
  };
}

function toMs(us: number): number {
  return Math.round(us) / 1000;
}
