// Who wants what: a table in shared memory that must never say no to a subscriber's topic.
import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { InterestTable, OwnInterest, slotOf } from '../../src/bus/interest-table.js';

function workersAt(table: InterestTable, topic: string): number[] {
  const found: number[] = [];
  for (let word = 0; word < table.stride; word++) {
    for (let bit = 0; bit < 32; bit++) {
      if (table.at(slotOf(topic), word) & (1 << bit)) found.push(word * 32 + bit);
    }
  }
  return found;
}

test('after any subscribing and unsubscribing each worker is found for exactly its topics', () => {
  const topics = ['a', 'b', 'chat/1', 'chat/2', 'é', '🎉'];
  assert.equal(new Set(topics.map(slotOf)).size, topics.length, 'these names have slots of their own');
  const workers = [0, 31, 32, 69];
  const step = fc.record({ worker: fc.constantFrom(...workers), topic: fc.constantFrom(...topics) });
  const shared = InterestTable.allocate(70);
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80, size: 'max' }), (steps) => {
      const table = new InterestTable(shared);
      const own = new Map(workers.map((worker) => [worker, new OwnInterest(table, worker)]));
      const wanted = new Map<string, { worker: number; topic: string }>();
      for (const { worker, topic } of steps) {
        const key = `${worker} ${topic}`;
        if (wanted.delete(key)) own.get(worker)?.remove(topic);
        else {
          own.get(worker)?.add(topic);
          wanted.set(key, { worker, topic });
        }
      }
      for (const topic of topics) {
        const expected = [...wanted.values()].filter((one) => one.topic === topic).map(({ worker }) => worker);
        assert.deepEqual(
          workersAt(table, topic),
          expected.sort((a, b) => a - b),
        );
      }
      for (const { worker, topic } of wanted.values()) own.get(worker)?.remove(topic);
    }),
  );
});

test('two topics that share a slot keep it until both are gone', () => {
  const bySlot = new Map<number, string>();
  let pair: [string, string] | undefined;
  for (let i = 0; pair === undefined; i++) {
    const name = `topic-${i}`;
    const other = bySlot.get(slotOf(name));
    if (other !== undefined) pair = [other, name];
    bySlot.set(slotOf(name), name);
  }
  const table = new InterestTable(InterestTable.allocate(2));
  const own = new OwnInterest(table, 1);
  for (const topic of pair) own.add(topic);
  own.remove(pair[0]);
  assert.deepEqual(workersAt(table, pair[1]), [1]);
  own.remove(pair[1]);
  assert.deepEqual(workersAt(table, pair[1]), []);
});

test('a worker that died wants nothing, and the others what they did', () => {
  const table = new InterestTable(InterestTable.allocate(3));
  for (const worker of [0, 2]) new OwnInterest(table, worker).add('news');
  table.clearWorker(0);
  assert.deepEqual(workersAt(table, 'news'), [2]);
});
