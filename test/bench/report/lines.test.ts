// Lines and curves of a report that tell what was asked, what is the meter's, and only what was whole.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chartsOf } from '../../../bench/report/chart.js';
import { groupByScenario } from '../../../bench/report/grouping.js';
import { meterShare } from '../../../bench/report/meter-share.js';
import { objectiveLine } from '../../../bench/report/objective-line.js';
import { deliveryRates, wholeSeries } from '../../../bench/report/series.js';
import type { Result } from '../../../bench/result/result.js';
import { sampleResult } from '../../support/sample-result.js';

const withSlo = (slo: string) => sampleResult(1, { params: { ...sampleResult().params, slo } });

test('an objective is told term by term, with what was measured and its unit', () => {
  assert.equal(
    objectiveLine(withSlo('p99<1ms,loss<1%,deliveries/s>=1k')),
    'objective: p99<1ms (measured 6.015 ms) ✗, loss<1% (measured 0 %) ✓, deliveries/s>=1k (measured 50000) ✓',
  );
  assert.equal(objectiveLine(sampleResult()), undefined);
  assert.equal(objectiveLine(withSlo('of another version')), undefined);
});

test("how much of the median is the meter's is told where it was measured, and never more than there is", () => {
  const { generator } = sampleResult();
  const floored = (p50: number) =>
    meterShare(sampleResult(1, { generator: { ...generator, floorMs: { p50, p99: 9 } } }));
  assert.match(
    floored(0.3) ?? '',
    /^of the p50 of 1\.\d+ ms, 0\.30 ms is the meter's; of the p99 of (\d\.\d+ ms), \1$/,
  );
  assert.match(floored(100) ?? '', /^of the p50 of (1\.\d+ ms), \1 is the meter's; of the p99/);
  const ofK6 = { ...generator, floorMs: { p50: 0.3, p99: 2 }, intakeMs: { p50: 0.2, p99: 0.4 } };
  assert.match(
    meterShare(sampleResult(1, { generator: ofK6 })) ?? '',
    /0\.50 ms is the meter's \(timers 0\.30 ms, intake 0\.20 ms\); of the p99 of .* 2\.4\d* ms \(timers 2\.\d+ ms, intake 0\.40 ms\)$/,
  );
  assert.equal(meterShare(sampleResult()), undefined);
});

test('an interval that the end of the load or of the run cut short is left out of every curve', () => {
  const { series } = sampleResult();
  const last = series.at(-1) as Result['series'][number];
  const stub = { ...last, t: last.t + 60, deliveries: 30 };
  assert.equal(wholeSeries(sampleResult(1, { series: [...series, stub] })).length, series.length);
  const phases = { warmup: 1000, measure: 2000, drain: last.t - 100 };
  const cut = sampleResult(1, { phases });
  assert.equal(deliveryRates(cut).length, series.length - 1);
  // Deliveries of a whole interval after the load had ended are a backlog, and shown.
  assert.equal(wholeSeries(sampleResult(1, { phases: { ...phases, drain: last.t - 1000 } })).length, series.length);
});

test('a chart over time has five points that move, or there is none; what came before the measured time is marked', () => {
  const ids = (result: Result) => chartsOf(groupByScenario([result])[0] as never, 'x').map(({ id }) => id);
  const { series } = sampleResult();
  assert.ok(ids(sampleResult()).includes('x-rss'));
  assert.deepEqual(ids(sampleResult(1, { series: series.slice(-4) })), ['x-percentiles']);
  const still = series.map((point) => ({ ...point, serverRss: 80e6, connections: 500 }));
  assert.deepEqual(
    ids(sampleResult(1, { series: still })).filter((id) => /rss|ramp/.test(id)),
    [],
  );
  const phases = { warmup: 1000, measure: 2500, drain: 12_000 };
  const charts = chartsOf(groupByScenario([sampleResult(1, { phases })])[0] as never, 'x');
  assert.deepEqual([...new Set(charts.filter(({ x }) => x === 'time').map((chart) => chart.measuredFrom))], [2.5]);
});
