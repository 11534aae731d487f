// What people and machines read of a comparison, from one made up of known pairs.
import assert from 'node:assert/strict';
import test from 'node:test';
import { DEFAULT_BUDGETS } from '../../../bench/compare/budget.js';
import { type Comparison, judgeMetrics, judgeWhole } from '../../../bench/compare/comparison.js';
import { cumulativeLatency } from '../../../bench/compare/cumulative-latency.js';
import type { Pair, Run } from '../../../bench/compare/metrics.js';
import { renderComparisonHtml } from '../../../bench/compare/report-html.js';
import { renderAnnotations, renderJunit, renderMarkdown, renderTerminal } from '../../../bench/compare/report-text.js';
import { exitCodeOf } from '../../../bench/compare/run.js';
import { decodeHistogram } from '../../../bench/measure/histogram.js';
import { sampleResult } from '../../support/sample-result.js';

function run(slowness: number, lost = 0): Run {
  const sample = sampleResult(slowness);
  const result = { ...sample, lost, delivered: sample.expected - lost };
  return {
    result,
    latency: cumulativeLatency(decodeHistogram(result.latencyMs.histogram)),
    capacity: {
      deliveries: 1e6,
      deliveriesPerSecond: 2e6 / slowness,
      cpuPerMillion: 0.2 * slowness,
      instructionsPerDelivery: 900 * slowness,
    },
  };
}

/** Six pairs whose head is `slowness` times the base, over a drift that both share. */
function comparison(
  slowness: number,
  { lost = 0, head = 'feature', gates = ['cpu', 'p99'] as const } = {},
): Comparison {
  const pairs: Pair[] = [1, 1.2, 0.9, 1.1, 1, 0.95].map((drift) => ({
    base: run(drift),
    head: run(drift * slowness, lost),
  }));
  const metrics = judgeMetrics(pairs, DEFAULT_BUDGETS, gates, 0.95, 'paired');
  return {
    schema: 'fanwire.comparison/1',
    startedAt: '2026-11-24T08:00:00.000Z',
    base: 'main',
    head,
    ...judgeWhole(pairs, metrics),
    metrics,
    confidence: 0.95,
    pairs: pairs.length,
    discarded: [],
    elapsedS: 60,
    results: { base: (pairs[0] as Pair).base.result, head: (pairs[0] as Pair).head.result },
  };
}

test('a head that costs 80 % more has regressed, and every report says so first', () => {
  const worse = comparison(1.8);
  assert.equal(worse.verdict, 'regressed');
  assert.equal(exitCodeOf(worse, false), 1);
  assert.match(renderMarkdown(worse), /^### ❌ Regressed: feature is worse than main\n\n- latency p99 \+\d/);
  assert.match(renderTerminal(worse), /^Regressed/);
  assert.match(renderAnnotations(worse)[0] as string, /^::error title=[^:]*::Regressed: [^\n]*%0A[^\n]*%25/);
  const junit = renderJunit(worse);
  assert.equal(junit.match(/<failure /g)?.length, 2);
  assert.match(junit, /failures="2"/);
  assert.match(renderComparisonHtml(worse), /<h2>Regressed: feature is worse than main<\/h2>/);
});

test('the same build twice is unchanged, a faster one improved, and neither fails a build', () => {
  const same = comparison(1);
  assert.equal(same.verdict, 'unchanged');
  const faster = comparison(0.6);
  assert.equal(faster.verdict, 'improved');
  for (const one of [same, faster]) {
    assert.equal(exitCodeOf(one, true), 0);
    assert.match(renderAnnotations(one)[0] as string, /^::notice/);
    assert.doesNotMatch(renderJunit(one), /<failure|<skipped/);
  }
});

test('a head that loses messages where the base loses none has regressed, however fast it is', () => {
  const lossy = comparison(0.6, { lost: 3 });
  assert.equal(lossy.verdict, 'regressed');
  assert.match(renderMarkdown(lossy), /- messages lost or duplicated: 18 by head, 0 by base/);
  assert.match(renderJunit(lossy), /name="deliveries"><failure/);
});

test('what is undecided is not a pass in strict mode, and a comparison of nothing is exit code 3', () => {
  const undecided = { ...comparison(1), verdict: 'inconclusive' as const };
  assert.deepEqual([exitCodeOf(undecided, false), exitCodeOf(undecided, true)], [0, 1]);
  assert.equal(exitCodeOf({ ...undecided, results: null }, false), 3);
});

test('a hostile branch name stays text in every report', () => {
  const hostile = comparison(1.4, { head: '</h2><script>alert(1)</script>|`%0A::error::' });
  assert.doesNotMatch(renderComparisonHtml(hostile), /<script>alert/);
  assert.doesNotMatch(renderJunit(hostile), /<script>/);
  assert.equal(renderAnnotations(hostile).join('\n').split('\n').length, 1);
  assert.doesNotMatch(renderMarkdown(hostile), /<script>/);
});
