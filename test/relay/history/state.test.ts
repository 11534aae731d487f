// State in memory: whatever is published, kept and let go of, what is read is the newest of each key, by the plainest
// reading of the rule, and a copy in another thread ends the same.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { KeptRule } from '../../../src/config/state-rules.js';
import type { Kept, TopicHistory } from '../../../src/relay/history/history.js';
import { MemoryHistory } from '../../../src/relay/history/memory.js';
import { NewestOfKeys } from '../../../src/relay/history/newest-of-keys.js';
import { ReplicaHistory } from '../../../src/relay/history/replica.js';

const byKey = {
  newestBy:
    () =>
    ({ key }: { key: string | undefined }) =>
      key ?? '',
};

function stateOf(maxKeys: number, ttlMs: number, stateMaxBytes = 1 << 30, nowMs: () => number = () => 0) {
  const rule: KeptRule = { pattern: '*', maxMessages: maxKeys, ttlMs, maxBytes: 1e12, isState: true };
  let evicted = 0;
  const store = new MemoryHistory([rule], 0, nowMs, { ...byKey, stateMaxBytes, evicted: () => evicted++ });
  return { store, evicted: () => evicted };
}

function readAll(history: TopicHistory, after = 0): Kept[] {
  const all: Kept[] = [];
  for (let kept = history.next(after, 'newest'); kept !== undefined; kept = history.next(kept.seq, 'newest')) {
    all.push(kept);
  }
  assert.equal(history.countAfter(after, 'newest'), all.length);
  return all;
}

const publish = fc.record({ key: fc.option(fc.nat(12).map(String), { nil: undefined }) });
const step = fc.oneof({ weight: 8, arbitrary: publish }, { weight: 1, arbitrary: fc.record({ passMs: fc.nat(30) }) });

test('what is kept of a state is the newest of each key, within its number of keys and its time', () => {
  const limits = fc.record({ keys: fc.integer({ min: 1, max: 10 }), ttlMs: fc.integer({ min: 1, max: 200 }) });
  fc.assert(
    fc.property(limits, fc.array(step, { maxLength: 200, size: 'max' }), ({ keys, ttlMs }, steps) => {
      let now = 0;
      const { store } = stateOf(keys, ttlMs, 1 << 30, () => now);
      const history = store.open('t');
      assert.ok(history);
      // In the order of their last update.
      const expected = new Map<string, { seq: number; atMs: number }>();
      let floor = 0;
      for (const each of steps) {
        if ('passMs' in each) now += each.passMs;
        else {
          const seq = history.append('1', undefined, each.key);
          expected.delete(each.key ?? '');
          expected.set(each.key ?? '', { seq, atMs: now });
        }
        store.expire();
        for (const [key, { seq, atMs }] of expected) {
          if (expected.size <= keys && now - atMs <= ttlMs) break;
          expected.delete(key);
          floor = seq;
        }
        const seqs = [...expected.values()].map(({ seq }) => seq);
        assert.deepEqual(
          readAll(history).map(({ seq }) => seq),
          seqs,
        );
        const middle = Math.floor(history.seq / 2);
        const since: number[] = readAll(history, middle).map(({ seq }) => seq);
        assert.deepEqual(
          since,
          seqs.filter((seq) => seq > middle),
        );
        assert.equal(history.check({ epoch: history.epoch, seq: middle }), middle < floor ? 'too-old' : undefined);
        const last = history.beginningOf(2);
        assert.deepEqual(
          readAll(history, last.after).map(({ seq }) => seq),
          seqs.slice(-2),
        );
        const recent = history.beginningOf({ withinMs: 20 });
        assert.deepEqual(
          readAll(history, recent.after).map(({ seq }) => seq),
          [...expected.values()].filter(({ atMs }) => now - atMs <= 20).map(({ seq }) => seq),
        );
      }
    }),
    { numRuns: 150 },
  );
});

test('beyond its bytes the key that was updated longest ago goes, of whatever topic, and every one is counted', () => {
  const { store, evicted } = stateOf(1000, Number.POSITIVE_INFINITY, 64 * 1024);
  const body = JSON.stringify('x'.repeat(200));
  for (let n = 0; n < 1000; n++) store.open(`topic-${n % 10}`)?.append(body, undefined, `key-${n}`);
  store.open('topic-0')?.append(body, undefined, 'key-990'); // it moves to the end
  assert.ok(store.bytes <= 64 * 1024, `${store.bytes}`);
  const { messages } = store.counts().state;
  assert.equal(evicted(), 1000 - messages);
  const kept = Array.from({ length: 10 }, (_, n) => readAll(store.open(`topic-${n}`) as TopicHistory)).flat();
  assert.deepEqual(new Set(kept.map(({ key }) => key)), new Set(lastKeys(messages)));
});

function lastKeys(count: number): string[] {
  return Array.from({ length: count }, (_, n) => `key-${999 - n}`);
}

test('histories and states do not take each other’s room', () => {
  const rules: KeptRule[] = [
    { pattern: 'h', maxMessages: 1e6, ttlMs: 1e9, maxBytes: 1e12 },
    { pattern: 's', maxMessages: 1e6, ttlMs: 1e9, maxBytes: 1e12, isState: true },
  ];
  const keeping = { newestBy: (_: string, isState: boolean) => (isState ? byKey.newestBy() : undefined) };
  const store = new MemoryHistory(rules, 64 * 1024, () => 0, { ...keeping, stateMaxBytes: 64 * 1024, evicted() {} });
  store.open('s')?.append('"first"', undefined, 'k');
  for (let n = 0; n < 5000; n++) store.open('h')?.append(`"${n}"`);
  assert.equal(readAll(store.open('s') as TopicHistory).length, 1);
  assert.ok(store.counts().history.messages > 100);
  assert.ok(store.counts().history.bytes <= 64 * 1024);
});

test('a history that is delivered by key is read both ways: every message, or the newest of each key', () => {
  const rule = { pattern: '*', maxMessages: 15, ttlMs: 1e9, maxBytes: 1e12 };
  const keys = fc.array(fc.nat(6).map(String), { minLength: 1, maxLength: 60, size: 'max' });
  fc.assert(
    fc.property(keys, (published) => {
      const store = new MemoryHistory([rule], 1 << 30, () => 0, { ...byKey, stateMaxBytes: 0, evicted() {} });
      const history = store.open('t') as TopicHistory & { append(body: string, from?: string, key?: string): number };
      for (const key of published) history.append('1', undefined, key);
      const kept = published.map((key, n) => ({ key, seq: n + 1 })).slice(-15);
      const newest = kept.filter(({ key, seq }) => !kept.some((other) => other.key === key && other.seq > seq));
      assert.deepEqual(
        readAll(history, history.floor).map(({ seq }) => seq),
        newest.map(({ seq }) => seq),
      );
      assert.equal(history.countAfter(history.floor, 'all'), kept.length);
      assert.deepEqual(history.beginningOf('last'), { after: history.floor, reading: 'newest' });
    }),
  );
});

test('keys that are updated a million times leave no trace but their newest', () => {
  const newest = new NewestOfKeys<{ seq: number }>();
  for (let seq = 1; seq <= 1_000_000; seq++) newest.set(String(seq % 7), { seq });
  assert.equal(newest.size, 7);
  assert.deepEqual(
    [...newest.backwards()].map(({ seq }) => seq),
    [1_000_000, 999_999, 999_998, 999_997, 999_996, 999_995, 999_994],
  );
  for (let key = 0; key < 7; key++) newest.delete(String(key));
  assert.equal(newest.next(0), undefined);
});

test('a copy in another thread ends with the same, whatever is lost on the way to it', () => {
  const message = fc.record({ key: fc.nat(6).map(String), isLost: fc.boolean(), lostOfCopy: fc.option(fc.nat(8)) });
  fc.assert(
    fc.property(fc.array(message, { maxLength: 60, size: 'max' }), (messages) => {
      const owner = stateOf(1000, Number.POSITIVE_INFINITY).store.open('t');
      assert.ok(owner);
      const replica = new ReplicaHistory('t', stateOf(1000, Number.POSITIVE_INFINITY).store, () => {});
      let asks = 0;
      /** The owner's answer, without its `lost`-th message. */
      const copy = (lost?: number | null): void => {
        replica.asked(++asks, 0);
        replica.begin(asks, owner.epoch, owner.floor);
        let last = owner.floor;
        for (const [n, kept] of readAll(owner, owner.floor).entries()) {
          if (n !== lost) replica.add({ ...kept, after: last });
          last = kept.seq;
        }
        if (replica.end(owner.seq, last) === undefined) copy();
      };
      const publish = (key: string, isLost: boolean, lostOfCopy?: number | null): void => {
        const seq = owner.append(`"${key} ${owner.seq}"`, undefined, key);
        if (isLost) return;
        const body = `"${key} ${seq - 1}"`;
        const live = { epoch: owner.epoch, seq, after: seq - 1, body, from: undefined, key };
        if (replica.follow(live) === 'broken') copy(lostOfCopy);
      };
      copy();
      for (const { key, isLost, lostOfCopy } of messages) publish(key, isLost, lostOfCopy);
      publish('end', false);
      const shown = (history: TopicHistory): string[] => readAll(history).map(({ seq, body }) => `${seq} ${body}`);
      assert.deepEqual(shown(replica), shown(owner));
    }),
    { numRuns: 300 },
  );
});
