// What loops that were played in turns come to: a neighbour's block does not count, what a server does in each does.
import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { type Block, capacitiesOf } from '../../../bench/compare/turn-blocks.js';

/** 1,000 deliveries that cost `us` each, in ten turns of `rate` deliveries/s. */
const block = (us: number, rate = 100_000): Block => ({
  deliveries: 1000,
  rates: Array.from({ length: 10 }, () => rate),
  cpuS: us / 1000,
});
const cpuRatio = (rounds: readonly (readonly Block[])[]): number => {
  const [base, head] = capacitiesOf(rounds);
  assert.ok(base !== undefined && head !== undefined);
  return head.cpuPerMillion / base.cpuPerMillion;
};

test('what a neighbour, or a collection of garbage, does in one block of four has no part in the CPU ratio', () => {
  const disturbed = fc.record({
    block: fc.nat(19),
    side: fc.nat(1),
    times: fc.double({ min: 0.1, max: 50, noNaN: true }),
  });
  fc.assert(
    fc.property(fc.uniqueArray(disturbed, { maxLength: 5, selector: (one) => one.block }), (blows) => {
      const rounds = Array.from({ length: 20 }, () => [block(0.4), block(0.44)]);
      for (const { block: at, side, times } of blows) (rounds[at] as Block[])[side] = block(0.42 * times);
      assert.ok(Math.abs(cpuRatio(rounds) - 1.1) < 1e-9);
    }),
  );
});

test('a cost that every block has counts in full, whatever the machine does meanwhile to both', () => {
  const paces = Array.from({ length: 20 }, (_, i) => 1 + (i % 7));
  assert.ok(Math.abs(cpuRatio(paces.map((pace) => [block(0.4 * pace), block(0.42 * pace)])) - 1.05) < 1e-9);
});

test('deliveries a second are those of the fastest turns: a slower server is seen, a machine that is mostly busy is not', () => {
  const busy = Array.from({ length: 20 }, (_, i) => (i % 8 === 0 ? 1 : 1 / (1 + (i % 5))));
  const rounds = busy.map((share) => [block(0.4, 100_000 * share), block(0.4, 90_000 * share)]);
  assert.deepEqual(
    capacitiesOf(rounds).map(({ deliveriesPerSecond }) => Math.round(deliveriesPerSecond)),
    [100_000, 90_000],
  );
  assert.deepEqual(
    capacitiesOf(rounds).map(({ deliveries }) => deliveries),
    [20_000, 20_000],
  );
});

test('a server alone, and one whose CPU time cannot be read, have all their blocks', () => {
  const [alone] = capacitiesOf([[block(0.3)], [block(0.5)]]);
  assert.ok(Math.abs((alone?.cpuPerMillion ?? 0) - 0.4) < 1e-9);
  const unread = capacitiesOf([[block(0.3), { ...block(1), cpuS: Number.NaN }]]);
  assert.deepEqual(
    unread.map(({ cpuPerMillion }) => Number.isNaN(cpuPerMillion)),
    [false, true],
  );
  assert.deepEqual(
    unread.map(({ deliveriesPerSecond }) => deliveriesPerSecond),
    [100_000, 100_000],
  );
});
