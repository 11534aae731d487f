// A head that delivers worse than the base is worse, and one that delivers as badly is not.
import assert from 'node:assert/strict';
import test from 'node:test';
import { deliveryFaults, isClearlyWorse } from '../../../bench/compare/delivery-faults.js';
import type { Pair, Run } from '../../../bench/compare/metrics.js';
import type { Result } from '../../../bench/result/result.js';
import { sampleResult } from '../../support/sample-result.js';

const SAMPLE = sampleResult();
const ALPHA = 0.005;

function run(faults: Partial<Result>): Run {
  return { result: { ...SAMPLE, ...faults }, capacity: null };
}

/** So many pairs, each with these faults of base and head. */
function pairs(count: number, of: (i: number) => [Partial<Result>, Partial<Result>]): Pair[] {
  return Array.from({ length: count }, (_, i) => {
    const [base, head] = of(i);
    return { base: run(base), head: run(head) };
  });
}

function verdicts(played: readonly Pair[]): string[] {
  return deliveryFaults(played, ALPHA).map(
    ({ what, base, head, isHeadWorse }) => `${what}: ${base}, ${head}${isHeadWorse ? ', worse' : ''}`,
  );
}

test('what only the head does wrong is worse, each kind of it', () => {
  const kinds: [Partial<Result>, string][] = [
    [{ lost: 2 }, 'lost or duplicated: 0, 10, worse'],
    [{ duplicated: 1 }, 'lost or duplicated: 0, 5, worse'],
    [{ outOfOrder: SAMPLE.delivered / 100 }, `out of order: 0, ${SAMPLE.delivered / 20}, worse`],
    [{ echoed: 7 }, 'sent back to their publisher: 0, 35, worse'],
  ];
  for (const [fault, verdict] of kinds) {
    const played = pairs(5, () => [{}, fault]);
    assert.deepEqual(verdicts(played), [verdict]);
    assert.ok(isClearlyWorse(played, ALPHA));
    assert.ok(!isClearlyWorse(played.slice(0, 3), ALPHA), 'three pairs are few');
    const mended = pairs(5, () => [fault, {}]);
    assert.ok(deliveryFaults(mended, ALPHA).every(({ isHeadWorse }) => !isHeadWorse));
  }
});

test('one run of the head that lost a message counts, but the play goes on', () => {
  const played = pairs(8, (i) => [{}, { lost: i === 3 ? 1 : 0 }]);
  assert.deepEqual(verdicts(played), ['lost or duplicated: 0, 1, worse']);
  assert.ok(!isClearlyWorse(played, ALPHA));
});

test('a head that loses much where the base has lost one message is worse, as soon as the pairs show it', () => {
  const played = pairs(12, (i) => [{ lost: i === 0 ? 1 : 0 }, { lost: 400 + i }]);
  assert.deepEqual(verdicts(played), ['lost or duplicated: 1, 4866, worse']);
  assert.ok(isClearlyWorse(played, ALPHA));
  assert.ok(!isClearlyWorse(played.slice(0, 6), ALPHA));
});

test('where both lose alike, nobody is worse', () => {
  const played = pairs(12, (i) => [{ lost: i % 5 }, { lost: (i * 3) % 5 }]);
  assert.deepEqual(verdicts(played), ['lost or duplicated: 21, 23']);
  assert.ok(!isClearlyWorse(played, ALPHA));
});

test('little disorder is none, and servers that mean to answer the sender are no news', () => {
  assert.deepEqual(verdicts(pairs(12, () => [{}, { outOfOrder: SAMPLE.delivered / 2000 }])), []);
  assert.deepEqual(verdicts(pairs(12, (i) => [{ echoed: 900 + (i % 3) }, { echoed: 900 + ((i + 1) % 3) }])), []);
});
