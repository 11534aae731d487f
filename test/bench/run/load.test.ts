// Before and after a run: a plan that cannot state what is asked, a default load scaled to the machine, and the command
// to try instead.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parameter, parameterKeys } from '../../../bench/k6/lib/parameters.js';
import type { Result } from '../../../bench/result/result.js';
import { parseSlo } from '../../../bench/result/slo.js';
import { mendedCommand } from '../../../bench/run/mend.js';
import { probePlan, scaleBy } from '../../../bench/run/scale.js';
import { requireStatable } from '../../../bench/run/statable.js';
import { readPlan } from '../../../bench/scenarios/plan-options.js';
import { PLAN_DEFAULTS, type Plan } from '../../../bench/scenarios/scenario.js';
import { benchSchema } from '../../../src/cli/options/bench.js';
import { loadOptions } from '../../../src/config/sources.js';
import { sampleResult } from '../../support/sample-result.js';

const planOf = (plan: Partial<Plan>): Plan => ({ ...PLAN_DEFAULTS, ...plan });

test('a plan too small for the percentile it is asked for is refused with flags that do, and played with those', () => {
  const plans: [Partial<Plan>, string][] = [
    [{ subscribers: 20, rate: 60, durationS: 0.7 }, ''],
    [{ subscribers: 500, rate: 50, durationS: 3 }, 'p99.9<50ms,loss==0'],
    [{ subscribers: 2, rate: 100, durationS: 1 }, 'p99<1s'],
    [{ subscribers: 30, topics: 30, publishers: 30, rate: 100, durationS: 2 }, 'p99<1s'],
  ];
  for (const [plan, slo] of plans) {
    const objective = slo === '' ? [] : parseSlo(slo);
    let said = '';
    assert.throws(
      () => requireStatable(planOf(plan), objective),
      (error: Error & { code: string }) => {
        said = error.message;
        return error.code === 'FANWIRE_USAGE_BENCH_FEW';
      },
    );
    const [, durationS, rate] = /--duration ([\d.]+) or --rate (\d+) would do$/.exec(said)?.map(Number) ?? [];
    requireStatable(planOf({ ...plan, durationS: durationS as number }), objective);
    requireStatable(planOf({ ...plan, rate: rate as number }), objective);
  }
});

test('what no percentile is asked of may be small, and a latency of nothing published is refused', () => {
  requireStatable(planOf({ subscribers: 2, rate: 1 }), parseSlo('loss==0,failed==0'));
  requireStatable(planOf({ rate: 0 }), []);
  assert.throws(() => requireStatable(planOf({ rate: 0 }), parseSlo('p99<1s')), /nothing is published/);
});

function probed(cpu: number, overrides: Partial<Result> = {}): Result {
  const { generator } = sampleResult();
  const params = { ...probePlan(planOf({})) } as unknown as Result['params'];
  return sampleResult(1, { params, generator: { ...generator, cpu }, server: null, ...overrides });
}

test('a default load is scaled to what a probe says the machine carries, never up, and a named part of it stays', () => {
  assert.deepEqual(scaleBy(probed(0.1), planOf({}), {}), { plan: planOf({}), remark: undefined });
  const { plan, remark } = scaleBy(probed(0.5), planOf({}), {});
  assert.deepEqual([plan.subscribers, plan.rate], [120, 100]);
  assert.match(
    remark ?? '',
    /^scaled to 120 subscribers \(--strict-load plays 500 and 100 msg\/s\): the generator would need 2\.5 cores/,
  );
  const named = scaleBy(probed(0.5), planOf({ subscribers: 500 }), { subscribers: 500 });
  assert.deepEqual([named.plan.subscribers, named.plan.rate], [500, 24]);
  // However little is left, the plan can still state its p99.
  const poor = scaleBy(probed(50), planOf({ topics: 20, publishers: 20 }), {});
  requireStatable(poor.plan, []);
  assert.ok(poor.plan.subscribers >= 20);
});

test('an invalid run ends with the command it was, less of what was too much', () => {
  const late = (overrides: Partial<Result> = {}) =>
    sampleResult(1, {
      valid: false,
      invalidReasons: ['the generator was the bottleneck: its busiest process needed 98 % of a core (limit 90 %)'],
      params: { ...sampleResult().params, topics: 1 },
      ...overrides,
    });
  const args = ['bench', 'fan-out', '--subscribers', '500', '--rate=100', '--slo', 'p99<20ms', '--binary'];
  assert.equal(
    mendedCommand(late(), args, 'npx fanwire'),
    "npx fanwire bench fan-out --rate=100 --slo 'p99<20ms' --binary --subscribers 250",
  );
  const few = late({
    invalidReasons: ['too few published messages to state a p99: 60 of 100'],
    params: { ...late().params, rate: 20, durationS: 3 },
  });
  assert.equal(mendedCommand(few, ['bench', '--duration=3'], 'npx fanwire'), 'npx fanwire bench --duration 6');
  const unfinished = late({ invalidReasons: ['some VUs of k6 did not finish in time, so their figures are missing'] });
  assert.match(mendedCommand(unfinished, args, 'x'), /--subscribers 250$/);
  const strange = late({ invalidReasons: ['messages reached a subscriber of another topic'] });
  assert.match(mendedCommand(strange, ['bench'], 'x'), /^x bench --topic-prefix bench-\d+-$/);
  assert.equal(mendedCommand(late({ invalidReasons: ['what nobody thought of'] }), ['bench'], 'x'), 'x bench');
});

test('parameters take the units that people write, each its own, and nothing else', () => {
  const read = (flag: string, text: string) => {
    const key = parameterKeys.find((known) => parameter(known).flag === flag);
    assert.ok(key, flag);
    return loadOptions(benchSchema, { flags: { [key]: text } }).config[key];
  };
  const written: [string, string, number][] = [
    ['duration', '2m', 120],
    ['warmup', '500ms', 0.5],
    ['duration', '10', 10],
    ['rate', '1.5k', 1500],
    ['subscribers', '1k', 1000],
    ['payload', '1k', 1024],
    ['storm-fraction', '20%', 0.2],
  ];
  for (const [flag, text, value] of written) assert.equal(read(flag, text), value, `--${flag} ${text}`);
  const refuse = (message: string): never => assert.fail(message);
  const inFile = readPlan({ rate: '1.5k', durationS: '2m', payloadBytes: 64, deliver: '50ms' }, 'a file', refuse);
  assert.deepEqual(inFile, { rate: 1500, durationS: 120, payloadBytes: 64, deliver: '50ms' });
  assert.throws(() => readPlan({ rate: '10s' }, 'a file', refuse), { code: 'FANWIRE_USAGE_BENCH_RANGE' });
  for (const [flag, text] of [
    ['rate', '10s'],
    ['duration', '1k'],
    ['subscribers', '1.5'],
    ['payload', '1s'],
    ['rate', ''],
  ] as const) {
    assert.throws(() => read(flag, text), { code: 'FANWIRE_USAGE_BENCH_RANGE' }, `--${flag} ${text}`);
  }
});
