// Which regressions a second session must see, and what a plan that can never decide is refused for.
import assert from 'node:assert/strict';
import test from 'node:test';
import { toConfirm } from '../../../bench/compare/confirm.js';
import { leastPairS, refuseHopeless, setUp, tooFewPairs } from '../../../bench/compare/setup.js';
import { sampleComparison } from '../../support/sample-comparison.js';

const gates = ['cpu', 'throughput'] as const;

test('a regression of less than twice its budget is confirmed, a larger one beside it makes that needless', () => {
  const small = toConfirm(sampleComparison(1.09, { gates: ['cpu'] }).scenarios);
  assert.deepEqual(
    small.map(({ scenario, gate }) => [scenario, gate.name]),
    [['fan-out', 'cpu']],
  );
  assert.deepEqual(toConfirm(sampleComparison(1.3, { gates }).scenarios), []);
  assert.deepEqual(toConfirm(sampleComparison(1, { gates }).scenarios), []);
  const twice = toConfirm(sampleComparison(1.09, { gates: ['cpu'], scenarios: ['fan-out', 'burst'] }).scenarios);
  assert.equal(twice.length, 2);
});

const options = {
  budget: 'cpu:+5%',
  capacityMs: 400,
  specs: ['a b', 'c d'],
  isFanwire: true,
  isPaired: true,
  say: () => {},
};
const planned = (plan: object, budget = 'cpu:+5%') =>
  setUp({ scenarios: [{ name: 'fan-out', scenario: 'fan-out', plan }] }, { ...options, budget });

test('a limit too short for the fewest pairs that can decide is refused, with what would do', () => {
  const setups = planned({});
  const [setup] = setups;
  assert.ok(setup);
  assert.doesNotThrow(() => refuseHopeless(setups, 0.01, 300_000));
  assert.throws(() => refuseHopeless(setups, 0.01, leastPairS(setup) * 5000), {
    code: 'FANWIRE_USAGE_COMPARE_HOPELESS',
    message:
      /can never decide: a verdict takes 9 pairs at least at --alpha 0\.01, .*; allow --max-minutes \d+(\.\d)? or more/,
  });
});

test('a percentile that decides and that no run can state is refused, one that only is shown is not', () => {
  const few = { subscribers: 20, rate: 40 };
  assert.throws(() => refuseHopeless(planned(few, 'p99:+50%'), 0.01, 300_000), /p99 can never be decided in fan-out/);
  assert.doesNotThrow(() => refuseHopeless(planned(few), 0.01, 300_000));
});

test('a fixed number of pairs is played whatever it can show, and what it cannot is said', () => {
  assert.equal(tooFewPairs(30, 0.01, 4), undefined);
  assert.match(
    tooFewPairs(4, 0.01, 1) ?? '',
    /^4 pairs can show lost messages and no more: a verdict on 1 metric takes 9/,
  );
});
