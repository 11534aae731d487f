// What one client can make windows hold: topic after topic with a window of an hour, full or left again.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { EnvelopedClient } from '../../support/enveloped-client.js';
import { startLocalRelay } from '../../support/local-relay.js';

const HOUR = 3_600_000;

for (const deliver of ['', 'topic-*=1h', 'topic-*=1h,latest']) {
  test(`a topic that is left takes its windows with it, and what waits in them: --deliver "${deliver}"`, async (t) => {
    const { relay } = await startLocalRelay(t, { deliver, maxOpRate: 0 });
    const client = await EnvelopedClient.open(t, relay.port);
    const { windows } = relay.layer;
    let mostRunning = 0;
    for (let n = 0; n < 500; n++) {
      const topic = `topic-${n}`;
      await client.ask({ op: 'sub', topic, ...(deliver === '' && { every: HOUR }) });
      relay.publish(topic, Buffer.from('goes out at once'), false);
      await turn();
      relay.publish(topic, Buffer.alloc(1000), false);
      assert.ok(windows.held.waiting > 1000, 'it waits');
      await client.ask({ op: 'unsub', topic });
      assert.equal(windows.held.waiting, 0);
      mostRunning = Math.max(mostRunning, windows.running);
    }
    assert.ok(mostRunning <= 65, `${mostRunning} windows of nobody run`);
  });
}

test('a longer window that its last subscriber has left ends with the next message', async (t) => {
  const { relay } = await startLocalRelay(t, { maxOpRate: 0 });
  const { windows } = relay.layer;
  const client = await EnvelopedClient.open(t, relay.port);
  const stays = await EnvelopedClient.open(t, relay.port);
  await stays.ask({ op: 'sub', topic: 't' });
  await client.ask({ op: 'sub', topic: 't', every: HOUR });
  relay.publish('t', Buffer.from('1'), false);
  await turn();
  relay.publish('t', Buffer.from('2'), false);
  await client.ask({ op: 'unsub', topic: 't' });
  relay.publish('t', Buffer.from('3'), false);
  assert.equal(windows.held.waiting, 0);
  await stays.messages(3);
});

test('beyond what all windows may hold together the longest end before their time, others do not, and nothing is lost', async (t) => {
  const { relay } = await startLocalRelay(t, { maxTopicsPerConnection: 0 });
  const { held } = relay.layer.windows;
  Object.assign(held, { maxBytes: 100_000 });
  const client = await EnvelopedClient.open(t, relay.port);
  const topics = Array.from({ length: 20 }, (_, n) => `hour-${n}`);
  for (const topic of topics) await client.ask({ op: 'sub', topic, every: HOUR });
  const other = await EnvelopedClient.open(t, relay.port);
  await other.ask({ op: 'sub', topic: 'minute', every: 60_000 });
  const say = (topic: string, n: number): unknown =>
    relay.publish(topic, Buffer.from(`${n} `.padEnd(1000, 'x')), false);
  say('minute', 0);
  await turn();
  say('minute', 1);
  for (let n = 0; n < 50; n++) {
    for (const topic of topics) say(topic, n);
    await turn();
    await turn();
    assert.ok(held.waiting <= 130_000, `${held.waiting} bytes wait`);
  }
  await other.handled();
  assert.equal(other.heard.filter(({ op }) => op === 'msg').length, 1, 'the window of a minute runs on');
  relay.flush();
  await client.messages(20 * 50);
  for (const topic of topics) {
    const got = client.heard.flatMap((said) => (said.op === 'msg' && said.topic === topic ? [said.data] : []));
    assert.deepEqual(
      got.map((text) => Number.parseInt(String(text), 10)),
      Array.from({ length: 50 }, (_, n) => n),
    );
  }
  await other.messages(2);
  assert.equal(held.waiting, 0);
});

test('what waits to cross to other threads is held within the same bound', async (t) => {
  const { relay } = await startLocalRelay(t, { deliver: '*=1h,latest-by-key' });
  const { windows } = relay.layer;
  Object.assign(windows.held, { maxBytes: 10_000 });
  const crossed: string[] = [];
  const crossings = windows.newCrossings<string>(() => (message) => crossed.push(message));
  for (let n = 0; n < 1000; n++) crossings.of(`t${n % 7}`)?.keep(String(n), String(n), 100);
  await turn();
  assert.ok(windows.held.waiting <= 10_000, `${windows.held.waiting} bytes`);
  assert.equal(crossed.length, 1000);
  assert.equal(windows.held.waiting, 0);
});
