// A server that hangs while it is measured has failed, however few deliveries there were to judge it by.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { newLatencyHistogram, recordLatencyUs } from '../../../bench/measure/histogram.js';
import { silence } from '../../../bench/result/silence.js';
import { exitCodeOf } from '../../../bench/run/command.js';
import { playPlan } from '../../../bench/run/run.js';
import { PLAN_DEFAULTS } from '../../../bench/scenarios/scenario.js';
import { lateEngine, silentTarget as target } from '../../support/late-engine.js';

/** Deliveries in each half second. */
function heard(deliveries: readonly number[]) {
  return deliveries.map((count, i) => ({ t: 500 * (i + 1), deliveries: count, p50: null, p99: null }));
}

const PLAN = { rate: 40, burst: 1 };
const PHASES = { measure: 1000, drain: 5000 };

test('nothing in the last seconds of the load, nor after it, is a server that hangs', () => {
  const counts = { lost: 100, published: 160, delivered: 60 };
  const hung = { ...counts, series: heard([0, 0, 9, 9, 9, 0, 0, 0, 0, 0, 0, 0]) };
  assert.match(silence(hung, PLAN, false, PHASES) ?? '', /stopped delivering: .* in the last 2\.5 s/);
  assert.match(silence({ ...counts, series: heard([0, 0]) }, PLAN, false, PHASES) ?? '', /in the last 4\.0 s/);
  // One that is late, one that loses a little at the end, one asked for too little to tell.
  const late = { ...hung, series: heard([0, 0, 9, 9, 9, 0, 0, 0, 0, 0, 0, 9]) };
  const last = { ...hung, series: heard([0, 0, 9, 9, 9, 9, 9, 9, 0, 0, 0, 0]) };
  assert.equal(silence(late, PLAN, false, PHASES), undefined);
  assert.equal(silence(last, PLAN, false, PHASES), undefined);
  assert.equal(silence(hung, { rate: 2, burst: 1 }, false, PHASES), undefined);
  assert.equal(silence(hung, { rate: 40, burst: 64 }, false, PHASES), undefined);
  assert.equal(silence({ ...hung, lost: 0 }, PLAN, false, PHASES), undefined);
});

test('requests without an answer count as what is missing', () => {
  const series = heard([61, 19, 0, 0, 0, 0]);
  const counts = { lost: 0, published: 120, delivered: 80, series };
  assert.match(silence(counts, PLAN, true, undefined) ?? '', /last 2\.0 s/);
  assert.match(silence(counts, { rate: 0, burst: 1 }, true, undefined) ?? '', /last 2\.0 s/);
  assert.equal(silence({ ...counts, delivered: 120 }, PLAN, true, undefined), undefined);
});

test('such a run ends with 1, not with 3 for the few deliveries it had', async () => {
  const few = newLatencyHistogram();
  recordLatencyUs(few, 15_000, 90);
  const report = {
    latencyUs: few,
    published: 200,
    expected: 2000,
    delivered: 90,
    lost: 1910,
    series: heard([90, 0, 0]),
  };
  const hooks = { progress: () => {}, signal: new AbortController().signal, objective: [] };
  const plan = { ...PLAN_DEFAULTS, subscribers: 10, rate: 20 };
  const engine = { ...lateEngine(report), name: 'native' as const };
  const result = await playPlan(engine, plan, target, hooks);
  assert.deepEqual([result.valid, exitCodeOf(result, undefined).code], [false, 3]);
  const hung = { ...report, series: heard([90, 0, 0, 0, 0, 0]) };
  const judged = await playPlan(lateEngine(hung), plan, target, hooks);
  assert.equal(exitCodeOf(judged, undefined).code, 1, judged.serverFaults?.join());
});
