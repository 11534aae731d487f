// What the sequencer carries from thread to thread, without threads, sockets and clocks: the text of a message and its
// publisher, key and publish id reach every subscriber and every copy, and what is said again is numbered once.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { keptBody } from '../../../src/protocol/publish-id.js';
import { readRecord, writeRecord } from '../../../src/protocol/sequence-record.js';
import type { Connection } from '../../../src/relay/fanout/audience.js';
import type { TopicHistory } from '../../../src/relay/history/history.js';
import { MemoryHistory } from '../../../src/relay/history/memory.js';
import type { Numbered, Outgoing } from '../../../src/relay/history/numbering.js';
import { RecentPublishes } from '../../../src/relay/history/recent-publishes.js';
import { Sequencer } from '../../../src/relay/history/sequencer.js';
import { SimulatedThreads } from '../../support/simulated-threads.js';

const RULE = { pattern: 'kept*', maxMessages: 100, ttlMs: 3_600_000, maxBytes: 1 << 20 };
/** Thread 0 owns every topic. */
const OWNER = 0;
const SENDER = { id: 'c1' } as Connection;

function threads(count: number) {
  const mesh = new SimulatedThreads(count, () => OWNER);
  const places = Array.from({ length: count }, (_, i) => {
    const heard: Numbered[] = [];
    const own = new MemoryHistory([RULE], 1 << 24);
    const sequencer = new Sequencer(own, mesh.rise(i), new RecentPublishes());
    sequencer.start({
      numbered: (message) => heard.push({ ...message }),
      overtaken: () => {},
      unowned: () => {},
      broken: () => {},
    });
    return { heard, sequencer };
  });
  const settle = (): void => {
    while (mesh.deliver(0));
  };
  const join = (thread: number, topic: string): TopicHistory => {
    const history = places[thread]?.sequencer.open(topic) as TopicHistory;
    mesh.want(thread, topic);
    places[thread]?.sequencer.hold(history);
    return history;
  };
  const publish = (thread: number, message: Partial<Outgoing>, acknowledge?: (seq?: number) => void): boolean => {
    const body = message.body ?? '"text"';
    const whole = { topic: 'kept', body, from: undefined, sender: undefined, payload: { body, raw: body } };
    return places[thread]?.sequencer.publish({ ...whole, ...message }, acknowledge) === true;
  };
  const end = (): void => {
    for (const { sequencer } of places) sequencer.stop();
  };
  return { mesh, places, settle, join, publish, end };
}

const keptOf = (history: TopicHistory) => {
  const all = [];
  for (let one = history.next(history.floor, 'all'); one; one = history.next(one.seq, 'all')) all.push(one);
  return all;
};

/** What subscribers see of a message. */
const seen = ({ topic, body, seq, from, sender, key, payload, isForRawOnly }: Numbered) => ({
  ...{ topic, body, seq, from, key: key ?? payload?.key },
  sender: typeof sender === 'object' ? sender.id : sender,
  isForRawOnly: isForRawOnly === true,
});

test('text, publisher, key and sender of a message are the same in every thread, whoever publishes', (t) => {
  for (const publisher of [0, 1]) {
    const { places, settle, join, publish, end } = threads(3);
    t.after(end);
    for (const thread of [0, 1, 2]) join(thread, 'kept');
    settle();
    const payload = { body: '{"n":1}', raw: '{"n":1}', key: 'k' };
    publish(publisher, { body: '{"n":1}', from: 'ann', sender: SENDER, payload });
    settle();
    for (const { heard } of places) {
      assert.deepEqual(heard.map(seen), [
        { topic: 'kept', body: '{"n":1}', seq: 1, from: 'ann', key: 'k', sender: 'c1', isForRawOnly: false },
      ]);
    }
  }
});

test('a copy has text, publisher, key, publish id and age of what was kept before it began', (t) => {
  const { places, settle, join, publish, end } = threads(2);
  t.after(end);
  const payload = { body: '"a"', raw: 'a', key: 'k' };
  publish(OWNER, { body: '"a"', from: 'ann', payload, once: { pid: 'p1', repeat: undefined } });
  publish(OWNER, { body: '"b"' });
  const [owned] = places;
  const original = keptOf(owned?.sequencer.open('kept') as TopicHistory);
  const copied = keptOf(
    (() => {
      const copy = join(1, 'kept');
      settle();
      assert.equal(copy.isReady, true);
      return copy;
    })(),
  );
  const content = ({ seq, body, from, key }: (typeof copied)[number]) => ({ seq, body, from, key });
  assert.deepEqual(copied.map(content), original.map(content));
  assert.equal(copied[0]?.body, keptBody('"a"', 'p1'));
  for (const [i, { publishedAtMs }] of copied.entries()) {
    assert.ok(Math.abs(publishedAtMs - (original[i]?.publishedAtMs ?? 0)) < 2000, 'as old as it is');
  }
  // And of what comes after.
  publish(OWNER, {
    body: '"c"',
    from: 'bob',
    payload: { ...payload, body: '"c"' },
    once: { pid: 'p2', repeat: undefined },
  });
  settle();
  const [last] = keptOf(places[1]?.sequencer.open('kept') as TopicHistory).slice(-1);
  assert.deepEqual(last && content(last), { seq: 3, body: keptBody('"c"', 'p2'), from: 'bob', key: 'k' });
});

test('a publish that is said again has the number of the first time, and is heard once', (t) => {
  for (const publisher of [0, 1]) {
    const { places, settle, join, publish, end } = threads(2);
    t.after(end);
    join(OWNER, 'kept');
    const got: (number | undefined)[] = [];
    const say = (from: string, pid: string, repeat?: number): void => {
      publish(publisher, { from, once: { pid, repeat } }, (seq) => got.push(seq));
      settle();
    };
    say('ann', 'p');
    say('ann', 'p', 1);
    say('bob', 'p'); // another publisher's id is another id
    say('ann', 'q');
    assert.deepEqual(got, [1, 1, 2, 3]);
    assert.deepEqual(
      places[OWNER]?.heard.map(({ seq }) => seq),
      [1, 2, 3],
    );
    say('ann', 'lost', 0); // said again, and the first time never came
    assert.equal(got.pop(), 4);
    say('ann', 'unknown', 3_600_000); // longer ago than ids are remembered
    assert.deepEqual(got.at(-1), undefined);
    assert.equal(got.length, 5);
    assert.equal(places[OWNER]?.heard.length, 4);
  }
});

test('a publish that wants no answer is numbered as well, and none is sent', (t) => {
  const { mesh, places, settle, join, publish, end } = threads(2);
  t.after(end);
  join(OWNER, 'kept');
  assert.equal(publish(1, {}), true);
  assert.equal(mesh.deliver(0), true);
  assert.equal(mesh.deliver(0), false, 'nothing comes back');
  settle();
  assert.equal(places[OWNER]?.heard[0]?.seq, 1);
  mesh.die(OWNER);
  assert.equal(publish(1, {}), false);
});

test('a publish that could not be sent is not answered later, and one whose owner goes is answered once', (t) => {
  const { mesh, publish, end } = threads(2);
  t.after(end);
  const got: unknown[] = [];
  publish(1, {}, (seq) => got.push(seq));
  for (let i = 0; i < 2; i++) mesh.die(OWNER);
  assert.deepEqual([...got], [undefined]);
  assert.equal(
    publish(1, {}, (seq) => got.push(seq)),
    false,
  );
  mesh.die(OWNER);
  assert.deepEqual([...got], [undefined]);
});

test('an answer after which nobody waits is passed over, and one that is waited for comes once', (t) => {
  const { mesh, places, settle, publish, end } = threads(3);
  t.after(end);
  const got: (number | undefined)[] = [];
  publish(1, {}, (seq) => got.push(seq));
  mesh.die(2); // another thread's end is no answer
  assert.deepEqual(got, []);
  settle();
  assert.deepEqual(got, [1]);
  mesh.die(OWNER);
  assert.deepEqual(got, [1]);
  assert.equal(places.length, 3);
});

test('a topic without history has no number, no copy and no question, here and at its owner', (t) => {
  const { mesh, places, settle, publish, end } = threads(2);
  t.after(end);
  assert.deepEqual(
    places.map(({ sequencer }) => [sequencer.keeps('other'), sequencer.keeps('kept')]),
    [
      [false, true],
      [false, true],
    ],
  );
  assert.deepEqual(
    places.map(({ sequencer }) => sequencer.open('other')),
    [undefined, undefined],
  );
  const got: (number | undefined)[] = [];
  publish(OWNER, { topic: 'other' }, (seq) => got.push(seq));
  settle();
  assert.deepEqual(got, [0]);
  assert.deepEqual(places[OWNER]?.heard, []);
  for (const is of ['ask', 'where'] as const) {
    const at = threads(2);
    t.after(at.end);
    const other = at.mesh.rise(1);
    other.send(OWNER, 'other', writeRecord({ is, ask: 1 }, ''));
    assert.equal(at.mesh.deliver(0), true);
    assert.equal(at.mesh.deliver(0), false, 'no answer to what is not kept');
  }
  assert.equal(mesh.lost, 0);
});

test('what an owner could not number is heard all the same, without one', (t) => {
  const { mesh, places, settle, end } = threads(2);
  t.after(end);
  const about = { from: 'ann', sender: 'c1', key: 'k' };
  mesh.rise(OWNER).send(1, 'kept', writeRecord({ is: 'unnumbered', ...about }, '"x"'));
  settle();
  assert.deepEqual(places[1]?.heard.map(seen), [{ topic: 'kept', body: '"x"', seq: 0, ...about, isForRawOnly: false }]);
});

test('a copy that nobody reads is let go of, and one is opened once', (t) => {
  const { mesh, places, settle, join, publish, end } = threads(2);
  t.after(end);
  publish(OWNER, {});
  const copy = join(1, 'kept');
  settle();
  assert.equal(keptOf(copy).length, 1);
  assert.equal(places[1]?.sequencer.open('kept'), copy);
  places[1]?.sequencer.release(copy);
  assert.equal(mesh.deliver(0), true, 'the owner hears of it');
  assert.notEqual(places[1]?.sequencer.open('kept'), copy);
  publish(OWNER, {});
  settle();
  assert.deepEqual(keptOf(copy), []);
});

test('an owner says where a topic is', (t) => {
  const { mesh, publish, end } = threads(2);
  t.after(end);
  for (let i = 0; i < 2; i++) publish(OWNER, {});
  const asker = mesh.rise(1);
  const heard: unknown[] = [];
  const record = (_: number, __: string, bytes: Uint8Array): void => {
    const { is, ask, seq, last } = readRecord(bytes).record as { is: string; ask: number; seq: number; last: number };
    heard.push({ is, ask, seq, last });
  };
  asker.attend({ record, gone: () => {}, came: () => {}, doubt: () => {} });
  asker.send(OWNER, 'kept', writeRecord({ is: 'where', ask: 7 }));
  while (mesh.deliver(0));
  assert.deepEqual(heard, [{ is: 'here', ask: 7, seq: 2, last: 2 }]);
});
