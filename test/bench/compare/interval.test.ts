// The statistics behind a verdict: by simulation of what they promise, and against what is known.
import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { limitOf, overallVerdict, parseBudgets } from '../../../bench/compare/budget.js';
import { Evidence, fewestPairs } from '../../../bench/compare/evidence.js';
import { GateJudgement, holm, isDecided } from '../../../bench/compare/gate-evidence.js';
import { intervalOf, mulberry32, pseudoMedian } from '../../../bench/compare/interval.js';
import { wouldCatch } from '../../../bench/compare/power.js';

/** Log ratios about `effect`, each with `noise` (standard deviation) of its own. */
function logRatiosOf(n: number, effect: number, noise: number, random: () => number): number[] {
  const normal = (): number => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  return Array.from({ length: n }, () => Math.log(effect) + noise * normal());
}

test('an interval holds the true ratio after every one of 60 pairs at once, in as many comparisons as it says', () => {
  const random = mulberry32(5);
  const trials = 300;
  let missed = 0;
  for (let trial = 0; trial < trials; trial++) {
    const evidence = new Evidence(Math.log(1.1));
    for (const logRatio of logRatiosOf(60, 1.1, 0.04, random)) evidence.add(logRatio);
    if (Math.min(evidence.pAbove, evidence.pBelow) <= 0.05) missed++;
  }
  // 10 % are allowed; 300 trials can tell 14 % from it.
  assert.ok(missed <= trials * 0.14, `${missed} of ${trials} missed`);
});

test('an interval holds its ratio, is the same for the same pairs, and excludes what the evidence does', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 1e6 }), fc.double({ min: 0.5, max: 2, noNaN: true }), (seed, effect) => {
      const logRatios = logRatiosOf(20, effect, 0.05, mulberry32(seed));
      const interval = intervalOf(logRatios, 0.99);
      assert.ok(interval);
      assert.deepEqual(intervalOf(logRatios, 0.99), interval);
      assert.ok(interval.low <= interval.ratio && interval.ratio <= interval.high);
      const excluded = new Evidence(Math.log(interval.high) + 1e-3);
      for (const logRatio of logRatios) excluded.add(logRatio);
      assert.ok(excluded.pBelow <= 0.005 * 1.2);
    }),
    { numRuns: 50 },
  );
});

test('four times the pairs give an interval less than 0.7 times as wide, on the whole', () => {
  const random = mulberry32(7);
  let [few, many] = [0, 0];
  for (let trial = 0; trial < 30; trial++) {
    const logRatios = logRatiosOf(80, 1.1, 0.05, random);
    const width = (of: readonly number[]): number => {
      const interval = intervalOf(of, 0.95);
      assert.ok(interval);
      return Math.log(interval.high / interval.low);
    };
    few += width(logRatios.slice(0, 20));
    many += width(logRatios);
  }
  assert.ok(many < few * 0.7, `80 pairs: ${many / 30}, 20 pairs: ${few / 30}`);
});

test('one wild pair counts as its rank, however wild', () => {
  const quiet = logRatiosOf(20, 1.02, 0.01, mulberry32(3));
  const at = (wild: number) => intervalOf([...quiet, wild], 0.99);
  assert.deepEqual(at(Math.log(3)), at(Math.log(3000)));
  assert.ok(Math.abs((pseudoMedian([...quiet, 9]) as number) - Math.log(1.02)) < 0.01);
});

test('pairs too few to prove anything have no interval, and the fewest that can is known before', () => {
  const all = (n: number) => logRatiosOf(n, 1.1, 0.01, mulberry32(4));
  const needed = fewestPairs(0.005);
  assert.equal(intervalOf(all(needed - 1), 0.99), null);
  assert.notEqual(intervalOf(all(needed + 5), 0.99), null);
  assert.equal(intervalOf([], 0.99), null);
  for (const p of [0.1, 0.01, 0.001]) {
    const pairs = fewestPairs(p);
    assert.ok(2 ** -pairs < p, `${pairs} pairs all on one side happen by chance more often than ${p}`);
    const evidence = new Evidence(0);
    for (let i = 0; i < pairs; i++) evidence.add(1 + i);
    assert.ok(evidence.pAbove <= p && evidence.pBelow === 1);
  }
});

test('what a comparison would have caught lies above the budget, and nearer to it with more pairs or less spread', () => {
  const catchable = (pairs: number, noise: number): number => {
    const found = wouldCatch(
      logRatiosOf(30, 1, noise, mulberry32(2)),
      { budget: 0.05, moreIsBetter: false },
      0.001,
      pairs,
      mulberry32(1),
    );
    return found ?? Number.POSITIVE_INFINITY;
  };
  assert.ok(catchable(60, 0.03) > 0.05);
  assert.ok(catchable(60, 0.03) < catchable(30, 0.03));
  assert.ok(catchable(60, 0.01) < catchable(60, 0.03));
  assert.equal(catchable(8, 0.03), Number.POSITIVE_INFINITY, 'eight pairs prove nothing at 0.001');
});

test("Holm's procedure gives the smallest p-value the strictest limit, and stops at the first that fails", () => {
  assert.deepEqual(holm([0.003, 0.5, 0.0024], 0.01), [true, false, true]);
  assert.deepEqual(holm([0.004, 0.004, 0.004], 0.01), [false, false, false]);
  assert.deepEqual(holm([0.01], 0.01), [true]);
  assert.deepEqual(holm([], 0.01), []);
});

test('more-is-better turns a budget round, and one regression is the verdict on the whole', () => {
  assert.equal(limitOf(0.05, false), 1.05);
  assert.equal(limitOf(0.5, true), 2);
  assert.equal(overallVerdict(['improved', 'unchanged']), 'improved');
  assert.equal(overallVerdict(['improved', 'inconclusive']), 'inconclusive');
  assert.equal(overallVerdict(['improved', 'regressed']), 'regressed');
  assert.equal(overallVerdict(['not worse', 'unchanged']), 'not worse');
  assert.equal(overallVerdict(['not worse', 'inconclusive']), 'inconclusive');
});

test('a head that is better by just its budget is known to be no worse, whatever it is called beside that', () => {
  const random = mulberry32(3);
  const judgement = new GateJudgement([{ budget: 0.05, moreIsBetter: false }], 0.01);
  for (let i = 0; i < 40; i++) judgement.add(0, Math.exp(-Math.log(1.05) + 0.02 * (random() + random() - 1)));
  const verdicts = judgement.verdicts();
  assert.deepEqual(verdicts, ['not worse']);
  assert.ok(isDecided(verdicts, { isOneSided: true }));
  assert.ok(!isDecided(verdicts, { isOneSided: false }));
});

test('a budget names its metric and its worth; anything else is refused with the forms', () => {
  assert.equal(parseBudgets('p99:+10%,cpu:+2.5%').p99, 0.1);
  assert.equal(parseBudgets('p99:+10%, cpu:2.5%').cpu, 0.025);
  assert.equal(parseBudgets('p99.9:+50%').p999, 0.5);
  assert.throws(() => parseBudgets('p98:+10%'), /term "p98:\+10%" is not understood/);
  assert.throws(() => parseBudgets('cpu:-5%'), { code: 'FANWIRE_USAGE_BUDGET' });
  assert.equal(parseBudgets('throughput:-7%').throughput, 0.07);
  assert.throws(() => parseBudgets('cpu:+5%,cpu:+3%'), /--budget has two budgets for cpu: leave one out/);
});
