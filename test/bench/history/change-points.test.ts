// Where a series changed its level, and how often one is seen that is none.
import assert from 'node:assert/strict';
import test from 'node:test';
import { mulberry32 } from '../../../bench/compare/interval.js';
import { changePoints } from '../../../bench/history/change-points.js';

function series(levels: readonly [number, number][], noise: number, seed: number): number[] {
  const random = mulberry32(seed);
  const normal = (): number => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  return levels.flatMap(([length, level]) => Array.from({ length }, () => level + noise * normal()));
}

test('two changes are found where they are, within one value', () => {
  for (const seed of [1, 2, 3, 4, 5]) {
    const values = series([[20, 0], [15, 0.05], [25, -0.02]], 0.01, seed); // biome-ignore format: a table
    const found = changePoints(values, mulberry32(seed)).map(({ at }) => at);
    assert.equal(found.length, 2, String(found));
    assert.ok(Math.abs((found[0] as number) - 20) <= 1 && Math.abs((found[1] as number) - 35) <= 1, String(found));
  }
});

test('a series without a change has none in all but one of a hundred', () => {
  let wrong = 0;
  for (let seed = 1; seed <= 100; seed++) {
    if (changePoints(series([[30, 0]], 0.02, seed), mulberry32(seed)).length > 0) wrong++;
  }
  // One is expected; five or more happen once in 300 such tests.
  assert.ok(wrong <= 4, `${wrong} of 100`);
});

test('one outlier is no change, five values at a new level are one', () => {
  const quiet = series([[20, 0]], 0.01, 8);
  assert.deepEqual(changePoints([...quiet.slice(0, 10), 0.5, ...quiet.slice(11)], mulberry32(1)), []);
  assert.deepEqual(changePoints([...quiet, 0.5], mulberry32(1)), []);
  assert.deepEqual(
    changePoints([...quiet, ...series([[5, 0.06]], 0.01, 9)], mulberry32(1)).map(({ at }) => at),
    [20],
  );
  assert.deepEqual(changePoints([0, 1, 0, 1, 0], mulberry32(1)), [], 'too few to say');
  assert.deepEqual(changePoints([], mulberry32(1)), []);
});

test('values that are all alike have no change, and a step without any noise has one', () => {
  assert.deepEqual(changePoints(Array(30).fill(0), mulberry32(1)), []);
  const step = [...Array(10).fill(0), ...Array(10).fill(0.1)];
  assert.deepEqual(
    changePoints(step, mulberry32(1)).map(({ at }) => at),
    [10],
  );
});
