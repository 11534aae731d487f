// What dashboards of others are given, held against the formats that they document.
import assert from 'node:assert/strict';
import test from 'node:test';
import { toBencher, toBenchmarkAction, toCsv } from '../../../bench/compare/exports.js';
import { sampleComparison } from '../../support/sample-comparison.js';

const WORSE = sampleComparison(1.8, { scenarios: ['fan-out', 'burst'], head: '=cmd|"x", y' });

test('Bencher: a benchmark a scenario, a measure a metric, with the interval around the head’s figure', () => {
  const { 'fan-out': fanOut, burst } = JSON.parse(toBencher(WORSE));
  assert.deepEqual(Object.keys(fanOut), Object.keys(burst));
  assert.deepEqual(Object.keys(fanOut.cpu), ['value', 'lower_value', 'upper_value']);
  for (const { value, lower_value, upper_value } of Object.values<Record<string, number>>(fanOut)) {
    assert.ok((value as number) > 0 && (lower_value as number) <= (upper_value as number));
  }
  const { value, lower_value: low, upper_value: high } = fanOut.cpu;
  assert.ok(low * 0.98 < value && value < high * 1.02, `${low} ${value} ${high}`);
});

test('github-action-benchmark: smaller is better in every entry, a rate as the time a delivery takes', () => {
  const entries: { name: string; unit: string; value: number; range: string }[] = JSON.parse(toBenchmarkAction(WORSE));
  assert.ok(entries.every(({ name, unit, value }) => name !== '' && unit !== '' && Number.isFinite(value)));
  assert.equal(new Set(entries.map(({ name }) => name)).size, entries.length);
  const rate = entries.find(({ name }) => name === 'fan-out: deliveries/s at saturation');
  assert.equal(rate?.unit, 'µs per delivery');
  const head = WORSE.scenarios[0]?.metrics.find(({ name }) => name === 'throughput')?.head ?? 0;
  assert.equal(rate?.value, 1e6 / head);
  assert.match(rate?.range ?? '', /^± \d+\.\d %$/);
});

test('CSV: every row has every column, and no name is a formula or a new cell', () => {
  const [header = '', ...rows] = toCsv(WORSE).trimEnd().split('\r\n');
  assert.equal(
    rows.length,
    WORSE.scenarios.reduce((sum, { metrics }) => sum + metrics.length, 0),
  );
  for (const row of rows) {
    assert.equal(
      row.match(/("(""|[^"])*"|[^,]*)(,|$)/g)?.filter((cell) => cell !== '').length,
      header.split(',').length,
      row,
    );
    assert.ok(row.includes(`,"'=cmd|""x"", y",`), row);
  }
});

test('a metric without a figure is left out, or is an empty cell', () => {
  const scenarios = WORSE.scenarios.map((scenario) => ({
    ...scenario,
    metrics: scenario.metrics.map((metric) => ({ ...metric, base: null, head: null, ratio: null, interval: null })),
  }));
  const nothing = { ...WORSE, scenarios };
  assert.equal(toBencher(nothing), '{}\n');
  assert.equal(toBenchmarkAction(nothing), '[]\n');
  assert.match(toCsv(nothing), /,,,,,/);
});
