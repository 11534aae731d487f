// What a worker makes of the copies that others have of a dead worker's states.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import fc from 'fast-check';
import type { KeptRule } from '../../../src/config/state-rules.js';
import { Inheritance } from '../../../src/relay/history/inheritance.js';
import { MemoryHistory } from '../../../src/relay/history/memory.js';
import { VirtualTime } from '../../support/virtual-time.js';

const RULE: KeptRule = { pattern: '*', maxMessages: 100, ttlMs: Infinity, maxBytes: Infinity, isState: true };
const KEEPING = { stateMaxBytes: 1 << 20, newestBy: () => newestBy, evicted: () => {} };
const newestBy = ({ key }: { key: string | undefined }): string => key ?? '';

function heir(threads = 2) {
  const own = new MemoryHistory([RULE], 0, undefined, KEEPING);
  const inheritance = new Inheritance(own, threads);
  const seed = (key: string, seq: number, epoch = 'old', ageMs = 0): void =>
    inheritance.take('t', { epoch, seq, body: `${seq}`, from: undefined, key, ageMs });
  const state = (): Record<string, string> => {
    const history = own.open('t');
    assert.ok(history !== undefined);
    const all: Record<string, string> = {};
    for (let kept = history.next(0, 'all'); kept !== undefined; kept = history.next(kept.seq, 'all')) {
      assert.equal(all[kept.key ?? ''], undefined, 'a key once');
      all[kept.key ?? ''] = kept.body;
    }
    return all;
  };
  return { own, inheritance, seed, state };
}

test('of each key the highest number counts, in whatever order and from however many threads it comes', () => {
  const seeds = fc.array(fc.record({ key: fc.constantFrom('a', 'b', 'c'), seq: fc.nat(20) }), {
    maxLength: 40,
    size: 'max',
  });
  fc.assert(
    fc.property(seeds, (each) => {
      const { seed, state } = heir(0);
      const expected: Record<string, string> = {};
      for (const { key, seq } of each) {
        seed(key, seq);
        expected[key] = String(Math.max(seq, Number(expected[key] ?? 0)));
      }
      assert.deepEqual(state(), expected);
    }),
  );
});

test('what was published since is not replaced; of two sequences the younger message counts', () => {
  const { own, seed, state } = heir(0);
  seed('a', 10);
  own.open('t')?.append('published', undefined, 'a');
  seed('a', 11);
  seed('b', 10, 'one', 5000);
  seed('b', 1, 'two', 1000);
  seed('b', 11, 'one', 3000);
  assert.deepEqual(state(), { a: 'published', b: '1' });
});

test('it is complete when all threads have sent theirs, or after a second; a thread without a predecessor waits for none', async (t: TestContext) => {
  const time = new VirtualTime(t);
  const { inheritance } = heir(2);
  inheritance.ended();
  assert.equal(inheritance.isComplete, false);
  inheritance.ended();
  assert.equal(inheritance.isComplete, true);
  const { inheritance: waiting } = heir(1);
  await time.pass(999);
  assert.equal(waiting.isComplete, false);
  await time.pass(2);
  assert.equal(waiting.isComplete, true);
  await waiting.complete;
  assert.equal(heir(0).inheritance.isComplete, true);
});
