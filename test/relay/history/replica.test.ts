// A copy of a topic's history that is behind a subscriber: another node gave it its position, and here less has been
// heard.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { numberOf } from '../../../src/relay/history/meanwhile.js';
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

/** A copy of a state that has `a`, `b` and `c`, keyed by the first letter. */
function stateCopy() {
  const rule = { pattern: '*', maxMessages: 100, ttlMs: 60_000, maxBytes: 1 << 20, isState: true };
  const keyOf = ({ raw }: { raw: string | Uint8Array }): string => String(raw)[0] as string;
  const store = new MemoryHistory([rule], 1 << 20, undefined, {
    stateMaxBytes: 1 << 20,
    newestBy: () => keyOf,
    evicted: () => {},
  });
  const replica = new ReplicaHistory('t', store, () => {});
  const about = { from: undefined, key: undefined };
  const copy = (...messages: [seq: number, text: string][]): void => {
    replica.asked(1, 0);
    replica.begin(1, EPOCH, 0);
    for (const [seq, text] of messages) replica.add({ seq, after: 0, body: JSON.stringify(text), ...about });
    replica.end(messages.at(-1)?.[0] ?? 0, messages.at(-1)?.[0] ?? 0);
  };
  copy([1, 'a1'], [2, 'b1'], [3, 'c1']);
  const read = (after = 0): string[] => {
    const texts: string[] = [];
    for (let kept = replica.next(after, 'newest'); kept !== undefined; kept = replica.next(kept.seq, 'newest')) {
      texts.push(`${JSON.parse(kept.body)}@${numberOf(kept)}`);
    }
    assert.equal(replica.countAfter(after, 'newest'), texts.length);
    return texts;
  };
  const say = (text: string): void => replica.keepUnnumbered({ body: JSON.stringify(text), ...about });
  const hear = (seq: number, text: string): unknown =>
    replica.follow({ epoch: EPOCH, seq, after: replica.seq, body: JSON.stringify(text), ...about });
  return { replica, store, copy, read, say, hear };
}

test('what comes without a number stands in for its key until a number or a new copy comes', () => {
  const { replica, store, copy, read, say, hear } = stateCopy();
  const { bytes } = store;
  say('a2');
  say('d1');
  say('a3');
  assert.deepEqual(read(), ['b1@2', 'c1@3', 'd1@0', 'a3@0']);
  assert.deepEqual(read(2), ['c1@3', 'd1@0', 'a3@0']);
  assert.equal(replica.seq, 3, 'positions stay where the sequence is');
  assert.equal(hear(4, 'a4'), 'new');
  assert.deepEqual(read(), ['b1@2', 'c1@3', 'a4@4', 'd1@0']);
  say('a5');
  assert.deepEqual(read(), ['b1@2', 'c1@3', 'd1@0', 'a5@0']);
  // Somebody is in the middle of what has no number when a new copy comes.
  const last = replica.next(4, 'newest')?.seq ?? 0;
  copy([2, 'b1'], [5, 'c9'], [6, 'a5'], [7, 'd1']);
  assert.deepEqual(read(), ['b1@2', 'c9@5', 'a5@6', 'd1@7']);
  assert.deepEqual(read(last), ['c9@5', 'a5@6', 'd1@7']);
  replica.drop();
  assert.ok(store.bytes < bytes, 'all is released');
});
