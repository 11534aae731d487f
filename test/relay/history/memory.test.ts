// History in memory: a replay is exactly what was missed or says why not, and the byte budget holds in real memory.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import type { HistoryRule } from '../../../src/config/history-rules.js';
import type { Position } from '../../../src/protocol/ops.js';
import type { TopicHistory } from '../../../src/relay/history/history.js';
import { ENTRY_OVERHEAD_BYTES, MemoryHistory } from '../../../src/relay/history/memory.js';

const GENEROUS = 1 << 30;

/** All that is replayed from `since`, or the reason why not. */
function replay(history: TopicHistory, since: Position): string[] | string {
  const reason = history.check(since);
  if (reason !== undefined) return reason;
  const bodies: string[] = [];
  for (let seq = since.seq + 1; seq <= history.seq; seq++) {
    const kept = history.next(seq - 1, 'all');
    assert.equal(kept?.seq, seq, `seq ${seq} of ${history.floor + 1}..${history.seq} is missing`);
    bodies.push(kept.body);
  }
  assert.equal(history.countAfter(since.seq, 'all'), bodies.length);
  return bodies;
}

interface Published {
  body: string;
  bytes: number;
  atMs: number;
}

/** How many of the last messages the limits allow, by the plainest reading of the rule. */
function allowed(published: Published[], rule: HistoryRule, nowMs: number): number {
  let count = 0;
  let bytes = 0;
  for (const message of [...published].reverse()) {
    bytes += message.bytes;
    if (count === rule.maxMessages || bytes > rule.maxBytes || nowMs - message.atMs > rule.ttlMs) break;
    count++;
  }
  return count;
}

const body = fc.string({ maxLength: 60 }).map((text) => JSON.stringify(text));
const step = fc.oneof(
  { weight: 5, arbitrary: fc.record({ topic: fc.nat(3), body }) },
  { weight: 1, arbitrary: fc.record({ passMs: fc.nat(40) }) },
  { weight: 1, arbitrary: fc.record({ oversized: fc.nat(3) }) },
);

test('a replay gives exactly what the limits keep, and is refused exactly when they do not keep it all', () => {
  const limits = fc.record({
    maxMessages: fc.integer({ min: 1, max: 20 }),
    ttlMs: fc.integer({ min: 1, max: 200 }),
    maxBytes: fc.integer({ min: 1024, max: 4000 }),
  });
  fc.assert(
    fc.property(limits, fc.array(step, { maxLength: 120, size: 'max' }), (limit, steps) => {
      let nowMs = 0;
      const rule = { pattern: 't*', ...limit };
      const store = new MemoryHistory([rule], GENEROUS, () => nowMs);
      const published: Published[][] = [[], [], [], []];
      const publish = (topic: number, text: string) => {
        const bytes = ENTRY_OVERHEAD_BYTES + text.length;
        published[topic]?.push({
          body: text,
          bytes: Buffer.byteLength(text) === text.length ? bytes : bytes + text.length,
          atMs: nowMs,
        });
        assert.equal(store.open(`t${topic}`)?.append(text, undefined), published[topic]?.length);
      };
      for (const one of steps) {
        if ('passMs' in one) nowMs += one.passMs;
        else if ('oversized' in one) publish(one.oversized, 'x'.repeat(rule.maxBytes));
        else publish(one.topic, one.body);
      }
      published.forEach((messages, topic) => {
        const history = store.open(`t${topic}`);
        assert.ok(history);
        const kept = allowed(messages, rule, nowMs);
        for (let seq = 0; seq <= messages.length; seq++) {
          const expected =
            messages.length - seq > kept ? 'too-old' : messages.slice(seq).map((message) => message.body);
          assert.deepEqual(replay(history, { epoch: history.epoch, seq }), expected);
        }
        assert.equal(replay(history, { epoch: history.epoch, seq: messages.length + 1 }), 'unknown-position');
        assert.equal(replay(history, { epoch: 'another', seq: 0 }), 'epoch-changed');
      });
      assert.equal(store.open('other'), undefined);
    }),
    { numRuns: 300 },
  );
});

test('under a common budget the oldest go first, memory stays within it, and no replay is ever wrong', () => {
  const busy = fc.array(fc.record({ topic: fc.nat(60), body, hold: fc.boolean() }), {
    minLength: 100,
    maxLength: 400,
    size: 'max',
  });
  fc.assert(
    fc.property(busy, fc.integer({ min: 4_000, max: 40_000 }), (steps, maxBytes) => {
      let nowMs = 0;
      const store = new MemoryHistory(
        [{ pattern: '*', maxMessages: 50, ttlMs: 1e6, maxBytes: 1e5 }],
        maxBytes,
        () => nowMs++,
      );
      const published = new Map<string, string[]>();
      const held = new Map<string, TopicHistory>();
      for (const { topic, body, hold } of steps) {
        const name = `topic-${topic}`;
        const history = store.open(name);
        assert.ok(history);
        if (hold && held.size < 3 && !held.has(name)) {
          held.set(name, history);
          store.hold(history);
        }
        history.append(body, undefined);
        const key = history.epoch;
        published.set(key, [...(published.get(key) ?? []), body]);
        assert.ok(store.bytes <= maxBytes, `${store.bytes} of ${maxBytes}`);
      }
      for (const [name, history] of held) assert.equal(store.open(name), history, 'a held topic lost its epoch');
      for (let topic = 0; topic <= 60; topic++) {
        const history = store.open(`topic-${topic}`);
        const all = published.get(history?.epoch ?? '') ?? [];
        assert.ok(history);
        for (let seq = 0; seq <= history.seq; seq++) {
          const replayed = replay(history, { epoch: history.epoch, seq });
          if (typeof replayed !== 'string') assert.deepEqual(replayed, all.slice(seq));
        }
      }
    }),
    { numRuns: 60 },
  );
});

test('forgetting every message and topic gives every byte back', () => {
  let nowMs = 0;
  const store = new MemoryHistory([{ pattern: '*', maxMessages: 9, ttlMs: 10, maxBytes: 1e5 }], 50_000, () => nowMs);
  for (let index = 0; index < 5000; index++) store.open(`t${index % 700}`)?.append(`"${index}"`, undefined);
  nowMs = 11;
  store.expire();
  assert.equal(store.counts().history.messages, 0);
  assert.ok(store.counts().history.topics < 80, `${store.counts().history.topics} topics are still known`);
});

test('the budget holds in real memory, also when small payloads come inside large frames', () => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const maxBytes = 24 << 20;
  const store = new MemoryHistory([{ pattern: '*', maxMessages: 1e6, ttlMs: 1e9, maxBytes: GENEROUS }], maxBytes);
  collect();
  const before = process.memoryUsage().heapUsed;
  for (let index = 0; index < 300_000; index++) {
    // As the relay gets it: a slice of the frame's text. V8 keeps the whole frame alive for it.
    const frame = Buffer.from(
      `{"op":"pub","topic":"t","data":"payload of message ${index}"}${' '.repeat(1000)}`,
    ).toString();
    store.open(`topic-${index % 1000}`)?.append(frame.slice(31, -1001), 'someone');
  }
  collect();
  const used = process.memoryUsage().heapUsed - before;
  assert.ok(store.bytes > maxBytes * 0.9, 'the budget was not even filled');
  assert.ok(used < maxBytes * 1.05, `${used} bytes of heap for a budget of ${maxBytes}`);
});

test('a copy of what another store keeps is read no longer than its messages last there', () => {
  let nowMs = 0;
  const rule = { pattern: '*', maxMessages: 100, ttlMs: 1000, maxBytes: 1 << 20 };
  for (const isState of [false, true]) {
    const store = new MemoryHistory([{ ...rule, isState }], GENEROUS, () => nowMs, {
      stateMaxBytes: GENEROUS,
      newestBy: () => (isState ? ({ key }) => key ?? '' : undefined),
      evicted: () => {},
    });
    nowMs = 5000;
    const copy = store.detached('t', 'e', 0);
    assert.ok(copy);
    store.keep(copy, 1, { body: '1', from: undefined, key: 'a', ageMs: 900 });
    store.keep(copy, 2, { body: '2', from: undefined, key: 'b', ageMs: 500 });
    nowMs += 200;
    assert.deepEqual([copy.beginningOf('all').after, copy.countAfter(0, 'newest')], [1, 1]);
    assert.equal(copy.check({ epoch: 'e', seq: 0 }), 'too-old');
    nowMs += 400;
    assert.deepEqual([copy.beginningOf('all').after, copy.countAfter(0, 'newest')], [2, 0]);
  }
});
