// Merging runs for the bootstrap gives what HdrHistogram gives.
import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { cumulativeLatency, mergedPercentileUs } from '../../../bench/compare/cumulative-latency.js';
import { mergeHistograms, newLatencyHistogram, recordLatencyUs } from '../../../bench/measure/histogram.js';

test('a percentile over several runs is that of their merged histogram, a run named twice counting twice', () => {
  const run = fc.array(fc.integer({ min: 0, max: 5_000_000 }), { minLength: 1, maxLength: 300, size: 'max' });
  fc.assert(
    fc.property(fc.array(run, { minLength: 1, maxLength: 5 }), fc.constantFrom(50, 99, 99.9), (runs, percentile) => {
      const histograms = [...runs, runs[0] as number[]].map((latencies) => {
        const histogram = newLatencyHistogram();
        for (const us of latencies) recordLatencyUs(histogram, us);
        return histogram;
      });
      const expected = mergeHistograms(histograms).getValueAtPercentile(percentile);
      assert.equal(mergedPercentileUs(histograms.map(cumulativeLatency), percentile), expected);
    }),
  );
});
