// Work that many ask for at once, with the scheduler watched from outside.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SharedWork } from '../../src/base/shared-work.js';

/** Work whose runs end when the test says so. */
function watched(atOnce: number) {
  const begun: string[] = [];
  const ends = new Map<string, () => void>();
  const work = new SharedWork<string, number>(atOnce, (key) => {
    begun.push(key);
    const run = begun.length;
    return new Promise((resolve) => ends.set(key, () => resolve(run)));
  });
  const end = async (key: string): Promise<void> => {
    ends.get(key)?.();
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { work, begun, end };
}

test('a thousand that ask for the same before it begins are one run, and one that asks later gets a run of its own', async () => {
  const { work, begun, end } = watched(1);
  const first = work.do('a');
  const rest = Array.from({ length: 1000 }, () => work.do('a'));
  assert.deepEqual(begun, ['a']);
  await end('a');
  assert.equal(await first, 1);
  await end('a');
  assert.deepEqual(
    new Set(await Promise.all(rest)),
    new Set([2]),
    'what happened before they asked is in the run they got',
  );
  assert.equal(work.pending, 0);
});

test('no more run at once than may, in the order asked', async () => {
  const { work, begun, end } = watched(2);
  for (const key of ['a', 'b', 'c', 'd']) void work.do(key);
  assert.deepEqual(begun, ['a', 'b']);
  await end('b');
  assert.deepEqual(begun, ['a', 'b', 'c']);
  assert.equal(work.pending, 3);
});

test('what waits can be taken off the queue for somebody who does it together, or let go of', async () => {
  const { work, begun, end } = watched(1);
  const [, b, c, d] = ['a', 'b', 'c', 'd'].map((key) => work.do(key));
  assert.equal(
    work.countQueued((key) => key > 'b'),
    2,
  );
  for (const { resolve } of work.claim((key) => key === 'b').values()) resolve(7);
  assert.equal(await b, 7);
  work.forget(new Error('away'));
  await assert.rejects(c as Promise<number>, /away/);
  await assert.rejects(d as Promise<number>, /away/);
  await end('a');
  assert.deepEqual(begun, ['a']);
});

test('work that fails tells those who waited for it, and the next run goes on', async () => {
  let runs = 0;
  const work = new SharedWork<string, number>(1, async () => {
    if (++runs === 1) throw new Error('once');
    return runs;
  });
  const both = [work.do('a'), work.do('b')];
  await assert.rejects(both[0] as Promise<number>, /once/);
  assert.equal(await both[1], 2);
});
