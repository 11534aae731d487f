// What a comparison makes of one pair of runs.
import assert from 'node:assert/strict';
import test from 'node:test';
import { METRICS, metricNamed, type Run, ratioOf, statesPercentile, typical } from '../../../bench/compare/metrics.js';
import { newLatencyHistogram, recordLatencyUs, summarizeLatency } from '../../../bench/measure/histogram.js';
import { sampleResult } from '../../support/sample-result.js';

const run = (slowness: number): Run => ({ result: sampleResult(slowness), capacity: null });

test("a pair's ratio is head over base, and a side's figure the median of its runs", () => {
  const pairs = [1, 1.3, 0.8].map((drift) => ({ base: run(drift), head: run(drift * 1.2) }));
  for (const name of ['p50', 'p99'] as const) {
    const metric = metricNamed(name);
    for (const pair of pairs) {
      const ratio = (pair.head.result.latencyMs[name] as number) / (pair.base.result.latencyMs[name] as number);
      assert.equal(ratioOf(metric, pair), ratio);
    }
    assert.equal(typical(metric, pairs, 'base'), pairs[0]?.base.result.latencyMs[name]);
  }
});

test('what a run has no figure of has no ratio', () => {
  const pair = { base: run(1), head: run(1) };
  assert.equal(ratioOf(metricNamed('throughput'), pair), null);
  assert.equal(ratioOf(metricNamed('cpu'), pair), 1, 'without a closed loop it is that of the open loop');
  const dead = { ...run(1), result: sampleResult(1, { server: null }) };
  for (const metric of METRICS.filter(({ name }) => name === 'cpu' || name === 'rss')) {
    assert.equal(ratioOf(metric, { base: dead, head: dead }), null);
  }
});

test('a percentile that too few messages or deliveries lie beyond is not stated', () => {
  assert.equal(statesPercentile(1000, 100, 99), true);
  assert.equal(statesPercentile(999, 100, 99), false);
  assert.equal(statesPercentile(1e6, 99, 99), false);
  const short = { ...run(1), result: sampleResult(1, { published: 99 }) };
  assert.equal(ratioOf(metricNamed('p99'), { base: short, head: short }), null);
  assert.equal(ratioOf(metricNamed('p50'), { base: short, head: short }), 1);
});

/** A run whose messages are about keys: `samples` ages of about `ageMs`. */
function keyed(ageMs: number, samples = 5000, published = 1000): Run {
  const ages = newLatencyHistogram();
  for (let i = 0; i < samples; i++) recordLatencyUs(ages, ageMs * (900 + (i % 200)));
  const staleness = { ...summarizeLatency(ages), conflated: 7 };
  return { ...run(1), result: sampleResult(1, { staleness, published }) };
}

test('staleness is the p99 of the ages of states, where messages have keys and the ages are enough for it', () => {
  const metric = metricNamed('staleness');
  assert.equal(metric.figure(run(1)), null);
  const ratio = ratioOf(metric, { base: keyed(100), head: keyed(150) }) as number;
  assert.ok(Math.abs(ratio - 1.5) < 0.01, String(ratio));
  assert.equal(metric.figure(keyed(100, 999)), null);
  assert.equal(metric.figure(keyed(100, 5000, 99)), null);
  const late = keyed(100);
  assert.equal(
    metric.figure({ ...late, result: { ...late.result, invalidReasons: ['the generator was late'] } }),
    null,
  );
});
