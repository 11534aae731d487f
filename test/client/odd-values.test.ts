// The client with values that cannot be: numbers of a relay, options that were computed wrongly, a class that throws
// nothing, and a browser that is wrong about its network.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FanwireClient } from '../../src/client/index.js';
import { Stage } from '../support/client-stage.js';

test('a number that no relay counts to hides nothing of what follows', async (t) => {
  const stage = new Stage(t);
  await stage.open();
  const { heard, room } = stage.join('room');
  for (const seq of [1, 1e308, 2, 1e16, 3]) stage.wire.say({ op: 'msg', topic: 'room', data: seq, seq });
  assert.deepEqual(heard, [1, 1e308, 2, 1e16, 3]);
  assert.deepEqual(room.since, { epoch: 'e', seq: 3 });
});

test('a wait that is 0 or no number is that of the default: nothing is given up at once, nor asked without rest', async (t) => {
  for (const odd of [0, Number.NaN]) {
    const stage = new Stage(t, { heartbeatMs: odd, connectTimeoutMs: odd, confirmMs: odd, backoffCapMs: odd });
    await stage.time.pass(5000);
    assert.equal(stage.wires.length, 1, 'the opening has ten seconds');
    stage.wire.open();
    stage.wire.say({ op: 'pong' });
    const published = stage.client.publish('room', 1);
    await stage.time.pass(20_000);
    assert.equal(stage.wire.count('ping'), 1);
    assert.equal(stage.client.state, 'open');
    stage.wire.say({ op: 'ok', id: stage.wire.last('pub')?.id });
    await published;
    stage.client.close();
    t.mock.restoreAll();
  }
});

test('a browser that believes it is offline reaches a relay on its own machine without a long wait', async (t) => {
  const { navigator } = globalThis as { navigator?: unknown };
  Object.defineProperty(globalThis, 'navigator', { value: { onLine: false }, configurable: true });
  t.after(() => Object.defineProperty(globalThis, 'navigator', { value: navigator, configurable: true }));
  const stage = new Stage(t);
  await stage.open();
  stage.wire.onclose?.({ code: 1006 });
  await stage.time.pass(600);
  assert.equal(stage.client.state, 'connecting');
  const before = stage.wires.length;
  await stage.time.pass(600_000);
  assert.ok(stage.wires.length - before < 60, 'and is tried more and more rarely');
});

test('a network that comes back does not wait for a token that was asked for in the one that is gone', async (t) => {
  let asked = 0;
  const token = (): string | Promise<string> => (asked++ === 0 ? new Promise(() => {}) : 'good');
  const stage = new Stage(t, { token });
  await stage.time.pass(2000);
  assert.deepEqual([asked, stage.wires.length], [1, 0]);
  stage.client.wake();
  await stage.time.pass(600);
  assert.deepEqual([asked, stage.wires.length], [2, 1]);
  for (let n = 0; n < 20; n++) stage.client.wake();
  await stage.time.pass(100);
  assert.deepEqual([asked, stage.wires.length], [2, 1], 'an attempt has a second before it is given up');
});

test('a WebSocket class that throws nothing at all is tried again', async (t) => {
  let tries = 0;
  const WebSocket = class {
    constructor() {
      tries++;
      throw undefined;
    }
  };
  const client = new FanwireClient('ws://relay', { WebSocket, backoffBaseMs: 5, backoffCapMs: 10 });
  t.after(() => client.close());
  await new Promise<void>((done) => client.on('error', () => tries > 2 && done()));
  assert.notEqual(client.state, 'closed');
});
