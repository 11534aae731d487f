// The statistics behind a verdict: against tables, and by simulation of what they promise.
import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { judgeInterval, overallVerdict, parseBudgets } from '../../../bench/compare/budget.js';
import {
  bootstrapInterval,
  drawPairs,
  mulberry32,
  normalCdf,
  ratioOrNull,
  studentQuantile,
  trimmedMeanRatio,
} from '../../../bench/compare/interval.js';

interface Pair {
  readonly base: number;
  readonly head: number;
}

const ratioOf = (pairs: readonly Pair[]): number | null =>
  trimmedMeanRatio(pairs, (pair) => ratioOrNull(pair.base, pair.head));

/** Pairs whose runs share a drift of ±25 % and differ by `effect`, with `noise` (standard deviation) of each run's own. */
function pairsOf(n: number, effect: number, noise: number, random: () => number): Pair[] {
  const normal = (): number => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  return Array.from({ length: n }, () => {
    const drift = 0.75 + random() / 2;
    return { base: drift * Math.exp(noise * normal()), head: drift * effect * Math.exp(noise * normal()) };
  });
}

test("Student's t and the normal distribution agree with the printed tables", () => {
  const table: [number, number, number][] = [
    [0.975, 3, 3.182],
    [0.975, 5, 2.571],
    [0.975, 9, 2.262],
    [0.975, 30, 2.042],
    [0.995, 5, 4.032],
    [0.995, 9, 3.25],
  ];
  for (const [p, df, expected] of table)
    assert.ok(Math.abs(studentQuantile(p, df) / expected - 1) < 0.02, `t ${p} ${df}`);
  assert.ok(Math.abs(normalCdf(1.96) - 0.975) < 1e-4);
  assert.ok(Math.abs(normalCdf(-2.5758) - 0.005) < 1e-5);
});

test('a 95 % interval over few noisy, drifting pairs covers the true ratio at least 95 times in 100 (400 trials can tell 92)', () => {
  for (const n of [5, 8, 16]) {
    const random = mulberry32(n);
    let covered = 0;
    for (let trial = 0; trial < 400; trial++) {
      const interval = bootstrapInterval(pairsOf(n, 1.1, 0.04, random), ratioOf, 0.95, drawPairs, trial);
      if (interval !== null && interval.low <= 1.1 && interval.high >= 1.1) covered++;
    }
    assert.ok(covered / 400 > 0.92, `${n} pairs: covered ${covered} of 400`);
  }
});

test('the same pairs give the same interval, and it holds their ratio', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 1e6 }), fc.double({ min: 0.5, max: 2, noNaN: true }), (seed, effect) => {
      const pairs = pairsOf(8, effect, 0.05, mulberry32(seed));
      const interval = bootstrapInterval(pairs, ratioOf, 0.95);
      assert.ok(interval);
      assert.deepEqual(bootstrapInterval(pairs, ratioOf, 0.95), interval);
      assert.ok(interval.low <= interval.ratio && interval.ratio <= interval.high);
    }),
    { numRuns: 25 },
  );
});

test('five times the pairs give an interval less than 0.6 times as wide, on the whole', () => {
  const random = mulberry32(7);
  let [few, many] = [0, 0];
  for (let trial = 0; trial < 100; trial++) {
    const pairs = pairsOf(30, 1.1, 0.05, random);
    const width = (of: readonly Pair[]): number => {
      const interval = bootstrapInterval(of, ratioOf, 0.95);
      assert.ok(interval);
      return Math.log(interval.high / interval.low);
    };
    few += width(pairs.slice(0, 6));
    many += width(pairs);
  }
  assert.ok(many < few * 0.6, `30 pairs: ${many / 100}, 6 pairs: ${few / 100}`);
});

test('a pair without a figure is left out, a fifth of them at most, and fewer than four pairs have no interval', () => {
  const pairs = pairsOf(4, 1, 0.1, mulberry32(1));
  const unmeasured = { base: 0, head: 1 };
  assert.equal(ratioOf([...pairs, unmeasured]), ratioOf(pairs));
  assert.equal(ratioOf([...pairs, unmeasured, unmeasured]), null);
  assert.equal(bootstrapInterval(pairs.slice(1), ratioOf, 0.95), null);
});

test('one disturbed run in ten does not move the ratio', () => {
  const pairs = Array.from({ length: 10 }, () => ({ base: 1, head: 1.02 }));
  pairs[3] = { base: 1, head: 9 };
  assert.ok(Math.abs((ratioOf(pairs) as number) - 1.02) < 1e-9);
});

test('the verdict follows from where the interval lies, and more-is-better turns it round', () => {
  const at = (low: number, high: number) => ({ ratio: Math.sqrt(low * high), low, high });
  assert.equal(judgeInterval(at(1.06, 1.2), 0.05, false), 'regressed');
  assert.equal(judgeInterval(at(1.01, 1.2), 0.05, false), 'inconclusive');
  assert.equal(judgeInterval(at(0.97, 1.03), 0.05, false), 'unchanged');
  assert.equal(judgeInterval(at(0.8, 0.9), 0.05, false), 'improved');
  assert.equal(judgeInterval(at(0.8, 0.9), 0.05, true), 'regressed');
  assert.equal(judgeInterval(at(0.94, 1.01), 0.07, true), 'unchanged');
  assert.equal(judgeInterval(at(1.1, 1.3), 0.05, true), 'improved');
  assert.equal(judgeInterval(null, 0.05, false), 'inconclusive');
  assert.equal(overallVerdict(['improved', 'unchanged']), 'improved');
  assert.equal(overallVerdict(['improved', 'inconclusive']), 'inconclusive');
  assert.equal(overallVerdict(['improved', 'regressed']), 'regressed');
});

test('a budget names its metric and its worth; anything else is refused with the forms', () => {
  assert.equal(parseBudgets('p99:+10%,cpu:+2.5%').p99, 0.1);
  assert.equal(parseBudgets('p99:+10%, cpu:2.5%').cpu, 0.025);
  assert.equal(parseBudgets('p99.9:+50%').p999, 0.5);
  assert.throws(() => parseBudgets('p98:+10%'), /term "p98:\+10%" is not understood/);
  assert.throws(() => parseBudgets('cpu:-5%'), { code: 'FANWIRE_USAGE_BUDGET' });
});
