// The bus between threads, both ends of it here: what crosses, and what does not.
import assert from 'node:assert/strict';
import test, { type TestContext } from 'node:test';
import { CrossingKind, NO_STATUS } from '../../src/bus/bus.js';
import { type Census, NOBODY } from '../../src/bus/census.js';
import { InterestTable } from '../../src/bus/interest-table.js';
import { ThreadsBus } from '../../src/bus/threads.js';
import { linkPair } from '../../src/workers/mesh.js';

function pair(t: TestContext) {
  const interest = InterestTable.allocate(2);
  const { ofA, ofB } = linkPair(0, 1, 64 * 1024);
  const a = new ThreadsBus({ self: 0, interest, links: [ofA] });
  const b = new ThreadsBus({ self: 1, interest, links: [ofB] });
  t.after(() => Promise.all([a.close(), b.close()]));
  const alive = setInterval(() => {}, 1000); // the bus itself keeps no process alive
  t.after(() => clearInterval(alive));
  return { a, b };
}

test('a message crosses only where its topic has a subscriber, and never back', async (t) => {
  const { a, b } = pair(t);
  a.start(() => assert.fail('came back'));
  const arrived = new Promise<string>((resolve) => {
    b.start((topic, message, kind) => resolve(`${topic} ${Buffer.from(message)} ${kind}`));
  });
  a.forward('news', Buffer.from('nobody hears'), CrossingKind.text);
  assert.equal(a.status().forwarded, 0);
  b.subscribe('news');
  a.forward('other', Buffer.from('nobody hears'), CrossingKind.text);
  a.forward('news', Buffer.from('heard'), CrossingKind.binary);
  assert.equal(await arrived, `news heard ${CrossingKind.binary}`);
  b.unsubscribe('news');
  a.forward('news', Buffer.from('nobody hears'), CrossingKind.text);
  assert.deepEqual(a.status(), { ...NO_STATUS, forwarded: 1 });
  assert.deepEqual(b.status(), { ...NO_STATUS, received: 1 });
});

test('what a thread published before it ended is still delivered', (t) => {
  const { a, b } = pair(t);
  const got: string[] = [];
  b.start((_topic, message) => got.push(Buffer.from(message).toString()));
  b.subscribe('news');
  for (let i = 0; i < 3; i++) a.forward('news', Buffer.from(`${i}`), CrossingKind.text);
  void a.close();
  b.disconnect(0);
  assert.deepEqual(got, ['0', '1', '2']);
});

test('a burst many times the size of the ring arrives whole and in order', async (t) => {
  const { a, b } = pair(t);
  const total = 20_000;
  let next = 0;
  const all = new Promise<void>((resolve) => {
    b.start((_topic, message) => {
      assert.equal(new DataView(message.buffer, message.byteOffset).getUint32(0), next++);
      if (next === total) resolve();
    });
  });
  b.subscribe('news');
  const payload = Buffer.alloc(64);
  for (let i = 0; i < total; i++) {
    payload.writeUInt32BE(i, 0);
    a.forward('news', payload, CrossingKind.text);
  }
  await all;
  assert.equal(a.status().lost, 0);
});

test('a thread too busy to answer is left out of a count, but waited for by who is patient', async (t) => {
  const { a, b } = pair(t);
  const answers: ((census: Census) => void)[] = [];
  a.start(() => {});
  b.start(
    () => {},
    () => new Promise((resolve) => answers.push(resolve)),
  );
  b.subscribe('news');
  const question = { topic: 'news', wants: 'count', reach: 'process' } as const;
  const patient = a.survey({ ...question, isPatient: true });
  assert.deepEqual(await a.survey(question), []);
  while (answers.length < 2) await new Promise(setImmediate);
  const census = { ...NOBODY, subscribers: 3 };
  for (const answer of answers) answer(census);
  assert.deepEqual(await patient, [census]);
});
