// The client where things come at a bad moment: pongs after a sleep, openings that were given up, closes and drains of
// any kind at any time. It comes back with its positions, within bounds.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Frame, Stage } from '../support/client-stage.js';

test('a pong that was here before the machine woke up counts, whichever event comes first', async (t) => {
  const stage = new Stage(t);
  const wire = await stage.open();
  wire.say({ op: 'pong' });
  await stage.time.pass(40_000); // silence, and a ping
  assert.equal(wire.count('ping'), 2);
  // Asleep over the deadline: the timer is told first, then what had arrived.
  await stage.time.pass(0);
  stage.time.sleep(3_600_000);
  await stage.time.fire();
  wire.say({ op: 'pong' });
  await stage.time.pass(1000);
  assert.equal(stage.client.state, 'open', String(stage.errors[0]));
  await stage.time.pass(60_000);
  assert.equal(stage.client.state === 'open', false, 'one that stays silent is given up');
});

test('a socket that could not be closed before it was open is closed once it opens, late', async (t) => {
  const stage = new Stage(t);
  await stage.time.settle();
  const { wire } = stage;
  wire.cannotBeClosedEarly = true;
  await stage.time.pass(10_500);
  assert.notEqual(stage.wires.length, 1);
  wire.open();
  assert.ok(wire.isClosed);
  assert.equal(wire.sent.length, 0);
});

test('a drain of the past, of nonsense or for ever is waited for within bounds', async (t) => {
  for (const [reconnectInMs, leastMs, mostMs] of [
    [-5000, 0, 2000],
    [null, 0, 2000],
    ['soon', 0, 2000],
    [1e300, 3_600_000, 3_602_000],
  ] as const) {
    const stage = new Stage(t);
    const wire = await stage.open();
    wire.say({ op: 'drain', reconnectInMs });
    const askedAtMs = stage.time.ms;
    const pongs = setInterval(() => wire.say({ op: 'pong' }), 5000);
    while (stage.wires.length === 1 && stage.time.ms - askedAtMs < 4e6) await stage.time.pass(100);
    clearInterval(pongs);
    const tookMs = stage.time.ms - askedAtMs;
    assert.ok(tookMs >= leastMs && tookMs <= mostMs, `${reconnectInMs}: back after ${tookMs} ms`);
    stage.client.close();
    t.mock.restoreAll();
  }
});

test('a close of any code, before the opening, after hello or inside a replay, is come back from, with the position', async (t) => {
  for (const code of [1000, 1001, 1005, 1006, 1008, 1009, 1011, 1012, 1013, 1015, 4000, 4400, 4999]) {
    const stage = new Stage(t);
    await stage.time.settle();
    stage.wire.onclose?.({ code });
    await stage.open();
    const { heard, gaps } = stage.join('room');
    stage.wire.say({ op: 'msg', topic: 'room', data: 1, seq: 1 });
    stage.wire.onclose?.({ code });
    await stage.open();
    stage.wire.onclose?.({ code });
    await stage.open();
    const { id, since } = stage.wire.last('sub') as Frame;
    assert.deepEqual(since, { epoch: 'e', seq: 1 });
    stage.wire.say({ op: 'ok', id, topic: 'room', epoch: 'e', seq: 3, recovered: true, replayed: 2 });
    stage.wire.say({ op: 'msg', topic: 'room', data: 2, seq: 2 });
    stage.wire.onclose?.({ code });
    await stage.open();
    assert.deepEqual(stage.wire.last('sub')?.since, { epoch: 'e', seq: 2 });
    assert.deepEqual([heard, gaps], [[1, 2], []]);
    stage.client.close();
    t.mock.restoreAll();
  }
});

test('ten thousand subscriptions come back within one turn, in one burst of subs and no more', async (t) => {
  const stage = new Stage(t);
  await stage.open();
  for (let n = 0; n < 10_000; n++) stage.client.subscribe(`t${n}`);
  for (const { id, topic } of stage.wire.sent.filter(({ op }) => op === 'sub')) stage.wire.say({ op: 'ok', id, topic });
  stage.wire.onclose?.({ code: 1006 });
  await stage.open();
  assert.equal(stage.wire.count('sub'), 10_000);
  assert.equal(new Set(stage.wire.sent.map(({ topic }) => topic)).size, 10_000 + 1);
});
