// When a comparison gives up on a machine that can measure nothing.
import assert from 'node:assert/strict';
import test from 'node:test';
import { metricNamed, type Run } from '../../../bench/compare/metrics.js';
import { Patience } from '../../../bench/compare/patience.js';
import { setUp } from '../../../bench/compare/setup.js';
import { whyInvalid } from '../../../bench/compare/valid-run.js';
import type { Result } from '../../../bench/result/result.js';
import { sampleResult } from '../../support/sample-result.js';

function after(reasons: readonly string[], limitMs: number): boolean {
  const patience = new Patience('pairs', limitMs);
  for (const reason of reasons) patience.invalid(reason);
  return patience.isOver();
}

const late = (count: number): string[] => Array.from({ length: count }, (_, i) => `it was ${i} ms late`);

test('six in a row that were thrown away are the end once their share of the time is over, and not before', () => {
  assert.equal(after(late(6), 0), true);
  assert.equal(after(late(5), 0), false);
  assert.equal(after(late(60), 60_000), false);
});

test('the same reason six times in a row is the end at once: no waiting mends the load', () => {
  assert.equal(after(Array(6).fill('too few deliveries'), 60_000), true);
  assert.equal(after([...Array(5).fill('too few deliveries'), 'late'], 60_000), false);
});

test('one valid one begins it all anew', () => {
  const patience = new Patience('runs', 0);
  for (const reason of late(5)) patience.invalid(reason);
  patience.valid();
  patience.invalid('it was late');
  assert.equal(patience.isOver(), false);
});

test('what it says names the count, the last reason and the mend', () => {
  const patience = new Patience('runs', 0);
  for (const reason of late(6)) patience.invalid(reason);
  assert.match(
    patience.error().message,
    /^6 runs in a row were invalid, the last because it was 5 ms late; lower --rate/,
  );
  patience.invalid('too few deliveries');
  assert.match(patience.error().message, /too few deliveries; raise --rate or --duration$/);
});

test('a late generator spoils a run only where the open loop decides; then its times have no figure', () => {
  const late: Result = { ...sampleResult(1), invalidReasons: ['30 % of the messages were 5 ms late'] };
  const run: Run = { result: late, capacity: null };
  assert.match(whyInvalid(run, { isOpenLoopJudged: true }) ?? '', /late$/);
  assert.equal(whyInvalid(run, { isOpenLoopJudged: false }), undefined);
  for (const name of ['p50', 'p99', 'connect'] as const) assert.equal(metricNamed(name).figure(run), null, name);
  const faulty: Run = { ...run, result: { ...late, serverFaults: ['the server closed 3 connections'] } };
  assert.equal(whyInvalid(faulty, { isOpenLoopJudged: false }), 'the server closed 3 connections');

  const judgedOf = (budget: string, capacityMs: number): boolean | undefined => {
    const asked = { budget, capacityMs, specs: ['.'], isFanwire: true, isPaired: true, say: () => {} };
    return setUp({ scenarios: [{ name: 'a', scenario: 'fan-out', plan: {} }] }, asked)[0]?.isOpenLoopJudged;
  };
  assert.equal(judgedOf('cpu:+5%,throughput:+5%', 800), false);
  assert.equal(judgedOf('cpu:+5%', 0), true, 'then CPU is of the open loop');
  assert.equal(judgedOf('cpu:+5%,connect:+50%', 800), true);
});
