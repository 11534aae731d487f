// A copy of a topic's history that is behind a subscriber: another node gave it its position, and here less has been
// heard.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MemoryHistory } from '../../../src/relay/history/memory.js';
import { ReplicaHistory } from '../../../src/relay/history/replica.js';

const EPOCH = 'e';

/** A copy that is ready at 10, the questions it would have asked, and who was let in. */
function replicaAtTen() {
  const rule = { pattern: '*', maxMessages: 100, ttlMs: 60_000, maxBytes: 1 << 20 };
  let asked = 0;
  const replica = new ReplicaHistory('t', new MemoryHistory([rule], 1 << 20), (behind) =>
    behind.ahead.questioned(++asked, 0),
  );
  const copyAt = (seq: number, epoch = EPOCH): void => {
    replica.asked(100 + asked, 0);
    replica.begin(100 + asked, epoch, 0);
    replica.end(seq, 0);
  };
  const hear = (seq: number, after: number): void => {
    replica.follow({ epoch: EPOCH, seq, after, body: '1', from: undefined, key: undefined });
    replica.settleAhead();
  };
  const letIn: string[] = [];
  const join = (seq: number): void =>
    replica.whenReady(
      () => letIn.push(`${seq}: ${replica.check({ epoch: EPOCH, seq }) ?? 'known'}`),
      () => true,
      { epoch: EPOCH, seq },
    );
  copyAt(10);
  return { replica, copyAt, hear, join, letIn, questions: () => asked };
}

test('numbers that other topics took are none that were missed: the copy moves up, and whoever was there is let in', () => {
  const { replica, join, letIn, questions } = replicaAtTen();
  join(10);
  assert.deepEqual(letIn, ['10: known']);
  join(15);
  assert.deepEqual([letIn.length, questions()], [1, 1]);
  assert.equal(replica.here(1, EPOCH, 17, 8), true);
  assert.deepEqual([letIn.at(-1), replica.seq, questions()], ['15: known', 17, 1]);
});

test('messages that are on their way are waited for, and whoever has them is let in once they are here', () => {
  const { replica, hear, join, letIn } = replicaAtTen();
  join(15);
  replica.here(1, EPOCH, 15, 15);
  hear(12, 8);
  assert.deepEqual(letIn, []);
  hear(15, 12);
  assert.deepEqual(letIn, ['15: known']);
});

test('a made-up position is unknown, costs one question for all that wait, and no copy', () => {
  const { replica, join, letIn, questions } = replicaAtTen();
  join(1e9);
  join(2e9);
  join(12); // after the question was asked: the answer may be older than this position
  assert.equal(questions(), 1);
  assert.equal(replica.here(1, EPOCH, 11, 8), true);
  assert.deepEqual([letIn, questions()], [['1000000000: unknown-position'], 2]);
  replica.here(2, EPOCH, 12, 8);
  assert.deepEqual(letIn.slice(1), ['2000000000: unknown-position', '12: known']);
});

test('an owner that does not answer in time is not waited for; one whose messages never come is asked for a copy', () => {
  const { replica, copyAt, join, letIn } = replicaAtTen();
  join(15);
  assert.equal(replica.tend(4999), true);
  assert.deepEqual(letIn, []);
  assert.equal(replica.tend(5000), true);
  assert.deepEqual(letIn, ['15: unknown-position']);
  join(16);
  replica.here(2, EPOCH, 16, 16);
  assert.equal(replica.tend(5000), false);
  replica.doubt();
  copyAt(16);
  assert.deepEqual(letIn.slice(1), ['16: known']);
});

test('an answer of another sequence asks for its copy, by which those who wait learn that theirs has ended', () => {
  const { replica, copyAt, join, letIn } = replicaAtTen();
  join(15);
  assert.equal(replica.here(1, 'another', 20, 20), false);
  replica.doubt();
  copyAt(20, 'another');
  assert.deepEqual(letIn, ['15: epoch-changed']);
});

test('who joins and leaves again and again while the owner is away leaves nothing behind; who stays is let in', () => {
  const { replica, copyAt } = replicaAtTen();
  replica.doubt();
  const letIn: number[] = [];
  const stays = new Set<number>();
  for (let who = 0; who < 10_000; who++) {
    if (who % 100 === 0) stays.add(who);
    let isIn = true;
    replica.whenReady(
      () => letIn.push(who),
      () => isIn,
    );
    isIn = stays.has(who);
    assert.ok(replica.waiters <= 2 * stays.size + 64, `${replica.waiters} wait, ${stays.size} of them wanted`);
  }
  copyAt(11);
  assert.deepEqual(
    letIn.filter((who) => stays.has(who)),
    [...stays],
  );
  assert.equal(replica.waiters, 0);
});

test('the same with positions that the copy has yet to reach', () => {
  const { replica } = replicaAtTen();
  const since = { epoch: EPOCH, seq: 1e9 };
  replica.whenReady(
    () => {},
    () => true,
    since,
  );
  let letIn = 0;
  for (let who = 0; who < 10_000; who++) {
    replica.whenReady(
      () => letIn++,
      () => who === 9999,
      since,
    );
  }
  assert.ok(replica.ahead.waiters <= 64);
  replica.here(1, EPOCH, 11, 8);
  replica.here(2, EPOCH, 11, 8);
  assert.ok(letIn <= 64);
});
