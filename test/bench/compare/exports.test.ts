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
  for (const [name, { value, lower_value, upper_value }] of Object.entries<Record<string, number>>(fanOut)) {
    if (name.endsWith('-would-catch')) continue;
    assert.ok((value as number) > 0 && (lower_value as number) <= (upper_value as number));
  }
  const caught = WORSE.scenarios[0]?.metrics.find((metric) => metric.name === 'cpu')?.wouldCatch ?? Number.NaN;
  assert.ok(caught > 0);
  assert.deepEqual(fanOut['cpu-would-catch'], { value: caught * 100 });
  const { value, lower_value: low, upper_value: high } = fanOut.cpu;
  assert.ok(low * 0.98 < value && value < high * 1.02, `${low} ${value} ${high}`);
});

test('github-action-benchmark: smaller is better in every entry, a rate as the time a delivery takes', () => {
  const entries: { name: string; unit: string; value: number; range: string; extra: string }[] = JSON.parse(
    toBenchmarkAction(WORSE),
  );
  assert.ok(entries.every(({ name, unit, value }) => name !== '' && unit !== '' && Number.isFinite(value)));
  assert.equal(new Set(entries.map(({ name }) => name)).size, entries.length);
  const rate = entries.find(({ name }) => name === 'fan-out: deliveries/s at saturation');
  assert.equal(rate?.unit, 'µs per delivery');
  const head = WORSE.scenarios[0]?.metrics.find(({ name }) => name === 'throughput')?.head ?? 0;
  assert.equal(rate?.value, 1e6 / head);
  assert.match(rate?.range ?? '', /^± \d+\.\d %$/);
  // Of the figure beside it, however far that is from the base's.
  const far = sampleComparison(6);
  const cpu = far.scenarios[0]?.metrics.find(({ name }) => name === 'cpu');
  const { low = 0, high = 0 } = cpu?.interval ?? {};
  const entry = (JSON.parse(toBenchmarkAction(far)) as typeof entries).find(({ name }) => name.includes('server CPU'));
  assert.equal(entry?.range, `± ${(((high - low) / 2 / (cpu?.ratio ?? 1)) * 100).toFixed(1)} %`);
  assert.match(entry?.extra ?? '', /; would have caught \+\d+\.\d % with 90 % probability$/);
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
