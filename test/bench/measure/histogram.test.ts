// Histograms: exact under merging and under their trip through JSON, and silent where the sample says nothing.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  decodeHistogram,
  encodeHistogram,
  enoughSamples,
  mergeHistograms,
  newLatencyHistogram,
  percentileMs,
  recordLatencyUs,
  summarizeLatency,
} from '../../../bench/measure/histogram.js';

const latencies = fc.array(fc.double({ min: -10, max: 9e7, noNaN: true }), { maxLength: 200 });

function histogramOf(values: number[]) {
  const histogram = newLatencyHistogram();
  for (const value of values) recordLatencyUs(histogram, value);
  return histogram;
}

test('merging the histograms of workers gives what one histogram of all samples gives, through their encoding too', () => {
  fc.assert(
    fc.property(fc.array(latencies, { maxLength: 5 }), (workers) => {
      const travelled = workers.map((values) => decodeHistogram(encodeHistogram(histogramOf(values))));
      assert.deepEqual(summarizeLatency(mergeHistograms(travelled)), summarizeLatency(histogramOf(workers.flat())));
    }),
    { numRuns: 50 },
  );
});

test('a percentile is within 0.1 % of the sample it stands for', () => {
  const histogram = histogramOf(Array.from({ length: 10_000 }, (_, i) => (i + 1) * 100));
  for (const [percentile, exactMs] of [
    [50, 500],
    [99, 990],
    [99.9, 999],
  ] as const) {
    const stated = percentileMs(histogram, percentile) ?? Number.NaN;
    assert.ok(Math.abs(stated - exactMs) <= exactMs * 0.001, `p${percentile} = ${stated}`);
  }
});

test('a percentile with fewer than ten samples beyond it is not stated', () => {
  assert.equal(enoughSamples(9_999, 99.9), false);
  assert.equal(enoughSamples(10_000, 99.9), true);
  const summary = summarizeLatency(histogramOf(Array.from({ length: 5_000 }, (_, i) => i)));
  assert.equal(summary.p999, null);
  assert.notEqual(summary.p99, null);
});

test('an empty histogram has no percentile and encodes to the empty string', () => {
  const summary = summarizeLatency(newLatencyHistogram());
  assert.deepEqual(
    { p50: summary.p50, max: summary.max, histogram: summary.histogram },
    { p50: null, max: null, histogram: '' },
  );
  assert.equal(decodeHistogram('').totalCount, 0);
});

test('counts beyond 32 bits survive encoding', () => {
  const histogram = newLatencyHistogram();
  recordLatencyUs(histogram, 1000, 5e9);
  assert.equal(decodeHistogram(encodeHistogram(histogram)).totalCount, 5e9);
});

test('what is no histogram is refused with a stable code', () => {
  assert.throws(() => decodeHistogram('aGVsbG8='), { code: 'FANWIRE_HISTOGRAM_INVALID' });
});
