// The load of a comparison that nobody named: as much as this machine and both sides carry, the same for both.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mendOfInvalid, mendOfUndecided } from '../../../bench/compare/mend.js';
import { scaleDefaults } from '../../../bench/compare/scale.js';
import type { Watch } from '../../../bench/compare/session.js';
import { setUp } from '../../../bench/compare/setup.js';
import type { Side } from '../../../bench/compare/side.js';
import { DEFAULT_SUITE, type Suite } from '../../../bench/compare/suite.js';
import type { Engine } from '../../../bench/engines/engine.js';
import { PLAN_DEFAULTS, type Plan } from '../../../bench/scenarios/scenario.js';
import { FanwireError } from '../../../src/base/error.js';
import { lateEngine, silentTarget } from '../../support/late-engine.js';
import { sampleComparison } from '../../support/sample-comparison.js';

const options = {
  budget: undefined,
  capacityMs: 0,
  specs: ['ws://a', 'ws://b'],
  isFanwire: true,
  isPaired: true,
  say: () => {},
};

function setUpOf(plan: Partial<Plan>) {
  return setUp({ scenarios: [{ name: 'fan-out', scenario: 'fan-out', plan }] }, options);
}

function side(name: string): Side {
  const target = { ...silentTarget, name };
  const own: Side = { spec: name, label: name, isBuilt: false, start: async () => target, again: async () => own };
  return own;
}

/** The generator's cores by side, in a probe of a fifth of the load. */
function engineOf(cpu: Readonly<Record<string, number>>): Engine & { readonly played: string[] } {
  const played: string[] = [];
  return {
    name: 'native',
    played,
    async play(plan, target, hooks) {
      played.push(`${target.name} ${plan.subscribers}`);
      const generator = {
        cpu: cpu[target.name] ?? 0,
        scheduleSlipMs: { p99: 0, max: 0 },
        eventLoopDelayMs: { p99: 0 },
      };
      if (generator.cpu > 9) throw new FanwireError('FANWIRE_BENCH_NO_CONNECTION', 'nobody there');
      return lateEngine({ generator }).play(plan, target, hooks);
    },
  };
}

async function scale(setups: ReturnType<typeof setUpOf>, engine: Engine) {
  const said: string[] = [];
  const stage = {
    engine,
    cores: { server: [], generator: [] },
    signal: new AbortController().signal,
    watch: {} as Watch,
    say: (line: string) => said.push(line),
  };
  return { said, setups: await scaleDefaults(setups, { base: side('base'), head: side('head') }, stage) };
}

test('what either side cannot carry is scaled for both, once, and the report is told', async () => {
  const engine = engineOf({ base: 0.05, head: 0.3 });
  const { said, setups } = await scale(setUpOf({}), engine);
  assert.deepEqual(engine.played, ['base 40', 'head 40']);
  assert.equal(setups[0]?.plan.subscribers, 80);
  assert.match(setups[0]?.scaled ?? '', /^scaled to 80 subscribers \(--strict-load plays 200 and 200 msg\/s\)/);
  assert.equal(said.length, 1);
});

test('a load that was named is played as it is, and nothing is probed', async () => {
  for (const plan of [{ subscribers: 300 }, { rate: 900 }]) {
    const engine = engineOf({ base: 0.9, head: 0.9 });
    const { setups } = await scale(setUpOf(plan), engine);
    assert.deepEqual(engine.played, []);
    assert.deepEqual(setups, setUpOf(plan));
  }
});

test('the scenarios of the suite that ships count as unnamed, also where a file names them', () => {
  const named: Suite = { scenarios: DEFAULT_SUITE.scenarios.slice(0, 3) };
  for (const suite of [DEFAULT_SUITE, named]) {
    assert.ok(setUp(suite, { ...options, specs: ['main', '.'] }).every(({ isLoadNamed }) => !isLoadNamed));
  }
});

test('a side that does not hold is left to the pairs to tell', async () => {
  const { setups } = await scale(setUpOf({}), engineOf({ base: 0.05, head: 10 }));
  assert.equal(setups[0]?.plan.subscribers, 200);
});

test('a comparison without a verdict ends with a command that should come to one', () => {
  const plan = { ...PLAN_DEFAULTS, subscribers: 200, rate: 200, durationS: 0.7 };
  const asked = { args: ['compare', '--base', 'main', '--subscribers=200'], plan, maxMinutes: 5 };
  const late = '6 pairs in a row were invalid, the last because the generator was the bottleneck: it sent late';
  assert.equal(mendOfInvalid(late, asked), 'npx fanwire compare --base main --subscribers 100');
  const ofSuite = { ...asked, args: ['compare', '--suite', 'default'], plan: undefined };
  assert.equal(mendOfInvalid(late, ofSuite), 'npx fanwire compare --suite default --max-minutes 10');
  assert.equal(mendOfInvalid('… some because the server failed: it ended', asked), undefined);
  const kept = { ...asked, args: ['compare', '--baseline', 'kept.json'] };
  assert.equal(mendOfInvalid(late, kept), 'npx fanwire compare --baseline kept.json');
  const undecided = sampleComparison(1.05, { pairs: 3 });
  const fixed = { ...asked, args: ['compare', '--pairs', '3', '--strict'] };
  assert.equal(mendOfUndecided(undecided, fixed), 'npx fanwire compare --strict --max-minutes 10 --pairs auto');
  assert.equal(mendOfUndecided(sampleComparison(2), asked), undefined);
});
