// What a run is worth when its generator was late: an engine that reports just that, since no machine is late on
// demand.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { EngineReport } from '../../../bench/engines/engine.js';
import { newLatencyHistogram, recordLatencyUs } from '../../../bench/measure/histogram.js';
import { parseSlo } from '../../../bench/result/slo.js';
import { exitCodeOf } from '../../../bench/run/command.js';
import { playPlan } from '../../../bench/run/run.js';
import { PLAN_DEFAULTS } from '../../../bench/scenarios/scenario.js';
import { lateEngine, silentTarget as target } from '../../support/late-engine.js';

async function exitOf(slo: string, overrides: Partial<EngineReport> = {}) {
  const hooks = { progress: () => {}, signal: new AbortController().signal, objective: parseSlo(slo) };
  const result = await playPlan(lateEngine(overrides), { ...PLAN_DEFAULTS, subscribers: 10, rate: 20 }, target, hooks);
  return { result, code: exitCodeOf({ ...result, params: { ...result.params, slo } }, slo).code };
}

test('an objective that holds although the generator was late holds, and the result says so', async () => {
  const { result, code } = await exitOf('p99<50ms,loss==0');
  assert.equal(code, 0);
  assert.equal(result.valid, true);
  assert.match(result.remarks?.join('\n') ?? '', /the objective holds although the generator was the bottleneck/);
});

test('one that is missed by a late generator is neither held nor missed', async () => {
  for (const slo of ['p99<10ms', 'p99<50ms,deliveries/s>=1000']) assert.equal((await exitOf(slo)).code, 3, slo);
});

test('one that lateness could have helped to hold is not believed', async () => {
  for (const slo of ['p99>1ms', 'p99<50ms,deliveries/s<=1000']) assert.equal((await exitOf(slo)).code, 3, slo);
});

test('a miss that no lateness explains is a miss', async () => {
  for (const slo of ['p99>1s', 'deliveries/s<=10', 'p99<50ms,failed==1'])
    assert.equal((await exitOf(slo)).code, 1, slo);
});

test('nothing holds where too little was measured, or something else was', async () => {
  const few = newLatencyHistogram();
  recordLatencyUs(few, 15_000, 90);
  assert.equal((await exitOf('p99<50ms,loss==0', { latencyUs: few, published: 9 })).code, 3);
  // What is not asked for need not be stated.
  assert.equal((await exitOf('p50<50ms,loss==0', { latencyUs: few, published: 9 })).code, 0);
  assert.equal((await exitOf('p99<50ms', { invalidReasons: ['some VUs did not finish'] })).code, 3);
});

test('a server that closed connections has failed, late generator or not, objective held or not', async () => {
  const serverFaults = ['the server closed 3 connections during the run (1006: 3)'];
  for (const slo of ['p99<50ms', 'p99<1ms']) assert.equal((await exitOf(slo, { serverFaults })).code, 1, slo);
});
