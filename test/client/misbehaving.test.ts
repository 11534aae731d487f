// The client against a relay that does not keep to the protocol: no message is made up or lost without a gap, every
// promise ends and no wait is without bounds.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FanwireError } from '../../src/client/index.js';
import { type Frame, Stage } from '../support/client-stage.js';

test('what is no op makes up no message: the connection ends, and what it held comes with the next one', async (t) => {
  const stage = new Stage(t);
  await stage.open();
  const { heard, room } = stage.join('room');
  const batches = [
    (n: number) => [{ op: 'msg', topic: 'room', data: n, seq: n }, null, { data: -1, seq: n + 1 }],
    (n: number) => [{ op: 'msg', topic: 'room', data: n, seq: n }, 5],
    (n: number) => [{ op: 'msg', topic: 'room', data: n, seq: n }, 'text'],
    (n: number) => [{ op: 'msg', topic: 'room', data: n, seq: n }, [{ data: -2, seq: n + 1 }]],
    () => [null],
    () => 7,
  ];
  for (const [index, batch] of batches.entries()) {
    stage.wire.say(batch(index + 1));
    assert.equal(stage.client.state, 'waiting');
    assert.ok(stage.wire.isClosed);
    await stage.open();
    const sub = stage.wire.last('sub') as Frame;
    assert.deepEqual(sub.since, { epoch: 'e', seq: Math.min(index + 1, 4) });
    stage.wire.say({ op: 'ok', id: sub.id, topic: 'room', epoch: 'e', seq: index, recovered: true, replayed: 0 });
    assert.equal(room.state, 'live');
  }
  assert.deepEqual(heard, [1, 2, 3, 4]);
});

test('an answer that is none, or an error without a code, leaves no promise without an end', async (t) => {
  const stage = new Stage(t);
  await stage.open();
  const published = stage.client.publish('room', 1);
  stage.wire.say({ op: 'error', id: stage.wire.last('pub')?.id });
  await assert.rejects(published, { name: 'FanwireError' });
  const room = stage.client.subscribe('room');
  stage.wire.say({ op: 'error', id: stage.wire.last('sub')?.id, message: 7 });
  await assert.rejects(room.ready, { name: 'FanwireError' });
  // To questions that nobody asked.
  for (const op of ['ok', 'error', 'pong', 'presence', 'msg', 'lost', 'join'])
    stage.wire.say({ op, id: 999, topic: 'x' });
  assert.equal(stage.client.state, 'open');
});

test('limits that are no numbers hold publishes up for a time, never for good', async (t) => {
  for (const limits of [
    { publishesPerS: 0 },
    { publishesPerS: null },
    { publishesPerS: 'many' },
    { publishesPerS: -1 },
    { publishBytesPerS: 0 },
    { publishesPerS: 1e-300 },
  ]) {
    const stage = new Stage(t);
    const wire = await stage.open({ limits });
    let answered = 0;
    const answers = setInterval(() => {
      wire.say({ op: 'pong' });
      for (; answered < wire.sent.length; answered++) wire.say({ op: 'ok', id: wire.sent[answered]?.id ?? 'a ping' });
    }, 5000);
    const published = Promise.all([1, 2, 3].map((n) => stage.client.publish('room', n)));
    await stage.time.pass(3 * 3_600_000);
    clearInterval(answers);
    assert.equal(stage.client.queued, 0, JSON.stringify(limits));
    await published;
    stage.client.close();
    t.mock.restoreAll();
  }
});

test('what waits is bounded by number and by bytes, and who is turned away is told; what ends makes room', async (t) => {
  const stage = new Stage(t, { queueLimit: 5, queueLimitBytes: 22_000 });
  await stage.time.settle();
  const big = 'x'.repeat(9000);
  const outcomes: string[] = [];
  const publish = (data: string): void => {
    stage.client.publish('room', data).then(
      () => outcomes.push('ok'),
      ({ code }: FanwireError) => outcomes.push(code),
    );
  };
  publish(big);
  publish(big);
  publish(big); // 27,000 bytes
  publish('small');
  for (let n = 0; n < 3; n++) publish('small');
  await stage.time.settle();
  assert.deepEqual(outcomes, ['FANWIRE_CLIENT_QUEUE_FULL', 'FANWIRE_CLIENT_QUEUE_FULL']);
  assert.equal(stage.client.queued, 5);
  await stage.open();
  for (const { id } of stage.wire.sent.filter(({ op }) => op === 'pub')) stage.wire.say({ op: 'ok', id });
  await stage.time.settle();
  assert.deepEqual(outcomes.slice(2), Array(5).fill('ok'));
  stage.wire.onclose?.({ code: 1006 });
  publish(big);
  publish(big);
  await stage.time.settle();
  assert.equal(outcomes.length, 7, 'there is room again');
});

test('every listener hears the states in their order, also where one of them closes the client', async (t) => {
  const stage = new Stage(t);
  const heard: string[][] = [[], []];
  stage.client.on('state', (state) => {
    heard[0]?.push(state);
    if (state === 'waiting') stage.client.close();
  });
  stage.client.on('state', (state) => heard[1]?.push(state));
  await stage.open();
  stage.wire.onclose?.({ code: 1011 });
  assert.deepEqual(heard, [
    ['open', 'waiting', 'closed'],
    ['open', 'closed'],
  ]);
});

test('a subscription that is left in the listener of its gap goes live for nobody', async (t) => {
  const stage = new Stage(t);
  await stage.open();
  const room = stage.client.subscribe('room');
  const told: string[] = [];
  room.on('gap', () => room.unsubscribe());
  room.on('live', () => told.push('live'));
  stage.wire.say({ op: 'ok', id: stage.wire.last('sub')?.id, topic: 'room', epoch: 'e', seq: 9, kept: 9 });
  assert.deepEqual(told, []);
  await assert.doesNotReject(room.ready, 'the relay had confirmed it');
});

test('a subscription refused again and again is asked for more and more rarely', async (t) => {
  const stage = new Stage(t);
  const wire = await stage.open();
  stage.client.subscribe('room');
  const refuse = setInterval(() => {
    const { id } = wire.last('sub') as Frame;
    wire.say({ op: 'error', code: 'FANWIRE_TOO_MANY_TOPICS', message: 'no', id, retryAfterMs: 0 });
    wire.say({ op: 'pong' });
  }, 20);
  await stage.time.pass(60_000);
  const early = wire.count('sub');
  await stage.time.pass(600_000);
  const late = wire.count('sub') - early;
  clearInterval(refuse);
  assert.ok(late < 120, `${late} times in ten minutes, after ${early} in the first`);
});

test('what was lost for a topic without a position is a gap, though the relay says that it can be had again', async (t) => {
  const stage = new Stage(t);
  await stage.open();
  const gaps: unknown[] = [];
  const room = stage.client.subscribe('room');
  room.on('gap', ({ reason, count }) => gaps.push([reason, count]));
  stage.wire.say({ op: 'ok', id: stage.wire.last('sub')?.id, topic: 'room' });
  stage.wire.say({ op: 'lost', topic: 'room', count: 3, recoverable: true });
  assert.deepEqual(gaps, [['lost', 3]]);
});

test('numbers that go back or come twice are heard once, those that skip move on', async (t) => {
  const stage = new Stage(t);
  await stage.open();
  const { heard, room } = stage.join('room');
  for (const seq of [1, 2, 2, 1, 9, 3, 10]) stage.wire.say({ op: 'msg', topic: 'room', data: seq, seq });
  assert.deepEqual(heard, [1, 2, 9, 10]);
  assert.deepEqual(room.since, { epoch: 'e', seq: 10 });
});

const WILD = ['1e308', '9007199254740993', '-1e308', 'null', '"7"', '{}', '[]', '0.5', 'true', '1e999'];

for (const wild of WILD) {
  test(`a number that no relay gives silences no topic: ${wild}`, async (t) => {
    const stage = new Stage(t);
    await stage.open();
    const { heard, room } = stage.join('room');
    const { since } = room;
    stage.wire.say({ op: 'msg', topic: 'room', data: 1, seq: 1 });
    stage.wire.onmessage?.({ data: `{"op":"msg","topic":"room","data":"wild","seq":${wild}}` });
    stage.wire.say({ op: 'msg', topic: 'room', data: 2, seq: 2 });
    stage.wire.say({ op: 'msg', topic: 'room', data: 2, seq: 2 });
    assert.deepEqual(heard, [1, 'wild', 2]);
    assert.deepEqual(room.since, { ...since, seq: 2 });
    // In an answer to a sub, and to a pub.
    stage.wire.onclose?.({ code: 1006 });
    await stage.open();
    const id = JSON.stringify(stage.wire.last('sub')?.id);
    const answer = `{"op":"ok","id":${id},"topic":"room","epoch":"f","seq":${wild},"reason":"epoch-changed"}`;
    stage.wire.onmessage?.({ data: answer });
    const published = stage.client.publish('room', 'own');
    const pub = JSON.stringify(stage.wire.last('pub')?.id);
    stage.wire.onmessage?.({ data: `{"op":"ok","id":${pub},"seq":${wild}}` });
    await published;
    for (const seq of [1, 2, 3]) stage.wire.say({ op: 'msg', topic: 'room', data: `after ${seq}`, seq });
    assert.deepEqual(heard.slice(3), ['after 1', 'after 2', 'after 3']);
    assert.equal(stage.client.state, 'open');
  });
}
