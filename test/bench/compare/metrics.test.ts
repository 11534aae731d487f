// What a comparison makes of pairs of runs: percentiles of merged histograms that no single disturbed run can move.
import assert from 'node:assert/strict';
import test from 'node:test';
import { cumulativeLatency } from '../../../bench/compare/cumulative-latency.js';
import { bootstrapInterval } from '../../../bench/compare/interval.js';
import { METRICS, type Metric, type Pair, type Run } from '../../../bench/compare/metrics.js';
import {
  decodeHistogram,
  mergeHistograms,
  newLatencyHistogram,
  recordLatencyUs,
} from '../../../bench/measure/histogram.js';
import { sampleResult } from '../../support/sample-result.js';

function run(slowness: number): Run {
  const result = sampleResult(slowness);
  return { result, latency: cumulativeLatency(decodeHistogram(result.latencyMs.histogram)), capacity: null };
}

function metric(name: string): Metric {
  return METRICS.find((one) => one.name === name) as Metric;
}

test("each side's percentile is that of its merged histogram, and their quotient the ratio", () => {
  // One of four pairs is too few for a fifth to be left out.
  const pairs: Pair[] = [1, 1.3, 0.8, 1.1].map((drift) => ({ base: run(drift), head: run(drift * 1.2) }));
  const merged = (side: 'base' | 'head', at: number): number =>
    mergeHistograms(pairs.map((pair) => decodeHistogram(pair[side].result.latencyMs.histogram))).getValueAtPercentile(
      at,
    ) / 1000;
  for (const [name, at] of [
    ['p50', 50],
    ['p99', 99],
    ['p999', 99.9],
  ] as const) {
    const [base, head] = [merged('base', at), merged('head', at)];
    assert.deepEqual([metric(name).value(pairs, 'base'), metric(name).value(pairs, 'head')], [base, head], name);
    assert.equal(metric(name).ratio(pairs), head / base, name);
  }
});

test('one run that a neighbour disturbed, of either side, neither moves a percentile nor widens its interval to the budget', () => {
  for (const disturbed of [
    { base: run(30), head: run(1.1) },
    { base: run(1), head: run(33) },
  ]) {
    const pairs: Pair[] = [...Array.from({ length: 29 }, () => ({ base: run(1), head: run(1.1) })), disturbed];
    for (const name of ['p50', 'p99', 'p999']) {
      const interval = bootstrapInterval(pairs, metric(name).ratio, 0.95);
      assert.ok(interval !== null && Math.abs(interval.ratio - 1.1) < 0.01, `${name} ${interval?.ratio}`);
      assert.ok(interval.low > 1.05 && interval.high < 1.15, `${name} ${interval.low} … ${interval.high}`);
    }
  }
});

test('a percentile that too few latencies lie beyond is not stated', () => {
  const histogram = newLatencyHistogram();
  for (let us = 1; us <= 2400; us++) recordLatencyUs(histogram, us);
  const short: Run = { ...run(1), latency: cumulativeLatency(histogram) };
  const pairs = (count: number): Pair[] => Array.from({ length: count }, () => ({ base: short, head: short }));
  assert.equal(metric('p999').ratio(pairs(4)), null);
  assert.equal(metric('p999').ratio(pairs(10)), 1);
});
