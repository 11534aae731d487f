// When a comparison gives up on a machine that can measure nothing.
import assert from 'node:assert/strict';
import test from 'node:test';
import { Patience } from '../../../bench/compare/patience.js';

function after(reasons: readonly string[], limitMs: number): boolean {
  const patience = new Patience('pairs', limitMs);
  for (const reason of reasons) patience.invalid(reason);
  return patience.isOver();
}

const late = (count: number): string[] => Array.from({ length: count }, (_, i) => `it was ${i} ms late`);

test('six in a row that were thrown away are the end once their share of the time is over, and not before', () => {
  assert.equal(after(late(6), 0), true);
  assert.equal(after(late(5), 0), false);
  assert.equal(after(late(60), 60_000), false);
});

test('the same reason six times in a row is the end at once: no waiting mends the load', () => {
  assert.equal(after(Array(6).fill('too few deliveries'), 60_000), true);
  assert.equal(after([...Array(5).fill('too few deliveries'), 'late'], 60_000), false);
});

test('one valid one begins it all anew', () => {
  const patience = new Patience('runs', 0);
  for (const reason of late(5)) patience.invalid(reason);
  patience.valid();
  patience.invalid('it was late');
  assert.equal(patience.isOver(), false);
});

test('what it says names the count, the last reason and the mend', () => {
  const patience = new Patience('runs', 0);
  for (const reason of late(6)) patience.invalid(reason);
  assert.match(
    patience.error().message,
    /^6 runs in a row were invalid, the last because it was 5 ms late; lower --rate/,
  );
  patience.invalid('too few deliveries');
  assert.match(patience.error().message, /too few deliveries; raise --rate or --duration$/);
});
