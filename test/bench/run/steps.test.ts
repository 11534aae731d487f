// Sweeps and searches over runs: what is tried, and what the one result says.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { decodeHistogram, mergeHistograms, percentileMs } from '../../../bench/measure/histogram.js';
import type { Result } from '../../../bench/result/result.js';
import { validateResult } from '../../../bench/result/result-validate.js';
import { parseSlo } from '../../../bench/result/slo.js';
import { sumUpMachines } from '../../../bench/result/sum-up.js';
import { exitCodeOf } from '../../../bench/run/command.js';
import { playSearch, playSweep } from '../../../bench/run/steps.js';
import { PLAN_DEFAULTS } from '../../../bench/scenarios/scenario.js';
import { FanwireError } from '../../../src/base/error.js';
import { Exit } from '../../../src/base/exit-codes.js';
import { sampleResult } from '../../support/sample-result.js';

const SLO = parseSlo('p99<20ms,loss==0');
const SEARCH = { slo: '', minRate: 100, maxRate: 100_000, precision: 0.1 };

/** Made once: a search asks for a result some 15 times, and there are a hundred searches. */
const sample = sampleResult();

function resultAt(rate: number, p99: number, invalidReasons: string[] = []): Result {
  const latencyMs = { ...sample.latencyMs, p99 };
  return { ...sample, latencyMs, params: { rate }, valid: invalidReasons.length === 0, invalidReasons };
}

test('the search ends within its precision below the limit of any server', async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 100, max: 200_000 }), async (limit) => {
      let runs = 0;
      const result = await playSearch(PLAN_DEFAULTS, SEARCH, SLO, async ({ rate }) => {
        runs++;
        return resultAt(rate, rate <= limit ? 5 : 50);
      });
      const found = result.params.rate as number;
      const bound = Math.min(limit, SEARCH.maxRate);
      assert.ok(found <= bound && found >= bound / 1.1 - 1, `${found} for a limit of ${limit}`);
      assert.ok(runs <= 20, `${runs} runs`);
      assert.equal(validateResult(result, 'the search').valid, true);
    }),
  );
});

test('a search that the generator ends is invalid and says what is known all the same', async () => {
  const result = await playSearch(PLAN_DEFAULTS, SEARCH, SLO, async ({ rate }) =>
    resultAt(rate, 5, rate > 1000 ? ['the generator was the bottleneck: …'] : []),
  );
  assert.equal(result.valid, false);
  assert.match(result.invalidReasons[0] ?? '', /^the limit is \d+ msg\/s or more: at \d+ msg\/s the generator was/);
});

test('a disturbance that does not last changes nothing in what a search finds', async () => {
  const calm = await playSearch(PLAN_DEFAULTS, SEARCH, SLO, async ({ rate }) => resultAt(rate, rate <= 5000 ? 5 : 50));
  let runs = 0;
  const disturbed = await playSearch(PLAN_DEFAULTS, SEARCH, SLO, async ({ rate }) =>
    runs++ % 3 === 0 ? resultAt(rate, 500, ['disturbed']) : resultAt(rate, rate <= 5000 ? 5 : 50),
  );
  assert.equal(disturbed.valid, true);
  assert.equal(disturbed.params.rate, calm.params.rate);
});

test('a sweep sums up its runs and keeps each as a step', async () => {
  const sweep = { param: 'payloadBytes', values: [64, 1024], unit: 'bytes' } as const;
  const seen: number[] = [];
  const result = await playSweep(PLAN_DEFAULTS, sweep, SLO, async ({ payloadBytes }) => {
    seen.push(payloadBytes);
    return sampleResult(seen.length);
  });
  const [first, second] = [sampleResult(1), sampleResult(2)];
  assert.deepEqual(seen, [64, 1024]);
  assert.deepEqual(
    result.steps?.map(({ label, value, p99 }) => ({ label, value, p99 })),
    [
      { label: '64 bytes', value: 64, p99: first.latencyMs.p99 },
      { label: '1024 bytes', value: 1024, p99: second.latencyMs.p99 },
    ],
  );
  assert.equal(result.delivered, first.delivered + second.delivered);
  assert.equal(result.latencyMs.max, second.latencyMs.max);
  validateResult(result, 'the sweep');
});

test('what two machines measured at the same time adds up, with the percentiles of all deliveries, not a mean of theirs', () => {
  const [calm, slow] = [sampleResult(1), sampleResult(3)];
  const both = validateResult(sumUpMachines([calm, slow]), 'the sum');
  assert.equal(both.delivered, calm.delivered + slow.delivered);
  assert.equal(both.deliveriesPerSecond, calm.deliveriesPerSecond + slow.deliveriesPerSecond);
  const merged = mergeHistograms([calm, slow].map((r) => decodeHistogram(r.latencyMs.histogram)));
  assert.equal(both.latencyMs.p99, percentileMs(merged, 99));
  assert.equal(both.series.length, calm.series.length);
  assert.equal(both.series[1]?.deliveries, (calm.series[1]?.deliveries ?? 0) + (slow.series[1]?.deliveries ?? 0));
  const spoilt = sumUpMachines([calm, { ...slow, valid: false, invalidReasons: ['saturated'] }]);
  assert.deepEqual([spoilt.valid, spoilt.invalidReasons], [false, ['machine 2: saturated']]);
  assert.throws(() => sumUpMachines([calm, { ...slow, scenario: 'burst' }]), { code: 'FANWIRE_USAGE_REPORT_SUM' });
});

test('a server that takes nobody any more ends sweep and search: what was measured before stands, and they failed', async () => {
  const gone = (): never => {
    throw new FanwireError('FANWIRE_BENCH_NO_CONNECTION', 'none of 10 could connect: ECONNREFUSED');
  };
  const sweep = { param: 'payloadBytes', values: [64, 1024, 4096], unit: 'bytes' } as const;
  const swept = await playSweep(PLAN_DEFAULTS, sweep, SLO, async ({ payloadBytes }) =>
    payloadBytes === 64 ? sampleResult(1) : gone(),
  );
  assert.deepEqual(swept.serverFaults, ['at 1024 bytes none of 10 could connect: ECONNREFUSED']);
  assert.deepEqual(swept.params.payloadBytes, [64]);
  assert.equal(exitCodeOf(validateResult(swept, 'the sweep'), undefined).code, Exit.failed);

  const found = await playSearch(PLAN_DEFAULTS, SEARCH, SLO, async ({ rate }) =>
    rate <= 400 ? resultAt(rate, 5) : gone(),
  );
  assert.equal(found.params.rate, 400);
  assert.equal(exitCodeOf(validateResult(found, 'the search'), undefined).code, Exit.failed);
  let runs = 0;
  const disturbed = await playSearch(PLAN_DEFAULTS, SEARCH, SLO, async ({ rate }) =>
    runs++ === 0 ? resultAt(rate, 500, ['disturbed']) : gone(),
  );
  assert.equal(disturbed.serverFaults?.length, 1);
  await assert.rejects(async () => playSearch(PLAN_DEFAULTS, SEARCH, SLO, async () => gone()), /ECONNREFUSED/);
});
