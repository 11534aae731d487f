// Delivery windows over real sockets: every message in order, the newest, the newest of each key; raw and enveloped
// side by side.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EnvelopedClient } from '../../support/enveloped-client.js';
import { refusalOf, startLocalRelay } from '../../support/local-relay.js';
import { SocketClient } from '../../support/socket-client.js';

const DELIVER = 'all/*=150ms;latest/*=150ms,latest;keyed/*=150ms,latest-by-key;raw/*=150ms,latest-by-key:=';
const KEYED_WINDOW_MS = 300;

test('a window hands on every message in order, the first of a quiet topic at once, and nothing to its sender', async (t) => {
  const { relay, url } = await startLocalRelay(t, { deliver: DELIVER });
  const reader = await SocketClient.open(t, `${url}/all/a`);
  const enveloped = await EnvelopedClient.open(t, relay.port);
  await enveloped.ask({ op: 'sub', topic: 'all/a' });
  const sender = await SocketClient.open(t, `${url}/all/a`);
  sender.socket.send('0');
  await reader.count(1);
  const began = performance.now();
  for (let n = 1; n < 200; n++) sender.socket.send(String(n));
  await reader.count(200);
  assert.ok(performance.now() - began >= 100, 'what came after the first waited for the window');
  assert.deepEqual(
    reader.texts,
    Array.from({ length: 200 }, (_, n) => String(n)),
  );
  const messages = await enveloped.messages(200);
  assert.deepEqual(
    messages.map(({ data }) => data),
    reader.texts,
  );
  assert.equal(sender.received.length, 0);
  assert.equal(relay.counters.conflated, 0);
});

test('of a latest topic the newest reaches each reader, and what it took the place of is counted as conflated', async (t) => {
  const { relay, url } = await startLocalRelay(t, { deliver: DELIVER });
  const reader = await SocketClient.open(t, `${url}/latest/a`);
  const enveloped = await EnvelopedClient.open(t, relay.port);
  await enveloped.ask({ op: 'sub', topic: 'latest/a' });
  const sender = await SocketClient.open(t, `${url}/latest/a`);
  for (let n = 0; n < 500; n++) sender.socket.send(String(n));
  await sender.handled();
  await reader.until((received) => received.at(-1)?.payload.toString() === '499');
  const messages = await enveloped.until((heard) => {
    const msgs = heard.filter((said) => said.op === 'msg');
    return msgs.at(-1)?.data === '499' ? msgs : undefined;
  });
  assert.ok(reader.received.length <= 10, `${reader.received.length} messages came`);
  const told = messages.reduce((sum, { skipped = 0 }) => sum + 1 + skipped, 0);
  assert.equal(told, 500);
  const { delivered, conflated, dropped } = relay.counters;
  assert.equal(delivered + conflated, 2 * 500);
  assert.equal(dropped, 0);
});

test('by key, the newest of each comes in the order of the last updates', async (t) => {
  const { relay, url } = await startLocalRelay(t, { deliver: DELIVER });
  const reader = await SocketClient.open(t, `${url}/keyed/a`);
  const publisher = await EnvelopedClient.open(t, relay.port);
  // The first goes out at once and begins the window that the others share.
  await publisher.ask({ op: 'pub', topic: 'keyed/a', key: 'first', data: 0 });
  await reader.count(1);
  for (const [key, data] of [
    ['x', 1],
    ['y', 1],
    ['z', 1],
    ['x', 2],
    ['y', 2],
    ['x', 3],
  ] as const) {
    publisher.say({ op: 'pub', topic: 'keyed/a', key, data: `${key}${data}` });
  }
  await reader.count(4);
  assert.deepEqual(reader.texts, ['0', 'z1', 'y2', 'x3']);
  const refused = await publisher.ask({ op: 'pub', topic: 'keyed/a', key: 'k'.repeat(201), data: 1 });
  assert.ok(refused.op === 'error' && refused.code === 'FANWIRE_OP_FIELD', JSON.stringify(refused));
  const raw = await SocketClient.open(t, `${url}/raw/a`);
  const sender = await SocketClient.open(t, `${url}/raw/a`);
  for (const text of ['a=0', 'a=1', 'ä=1', 'a=2', 'no separator', 'ä=2']) sender.socket.send(text);
  await raw.until((received) => received.at(-1)?.payload.toString() === 'ä=2');
  assert.ok(raw.texts.includes('a=2') && raw.texts.includes('no separator'), raw.texts.join());
  assert.ok(!raw.texts.includes('a=1'));
});

test('who joins in the middle of a window gets what is published after, and only that', async (t) => {
  const { url } = await startLocalRelay(t, { deliver: 'all/*=400ms' });
  const first = await SocketClient.open(t, `${url}/all/a`);
  const sender = await SocketClient.open(t, `${url}/all/a`);
  sender.socket.send('at once');
  await first.count(1);
  sender.socket.send('before');
  await sender.handled();
  const late = await SocketClient.open(t, `${url}/all/a`);
  await late.handled();
  sender.socket.send('after');
  await Promise.all([first.count(3), late.count(1)]);
  assert.deepEqual(first.texts, ['at once', 'before', 'after']);
  assert.deepEqual(late.texts, ['after']);
  sender.socket.send('later');
  await Promise.all([first.count(4), late.count(2)]);
  assert.deepEqual(late.texts, ['after', 'later']);
});

test('a subscriber may ask for a longer window than its topic has, and for one where the topic has none', async (t) => {
  const { relay, url } = await startLocalRelay(t, { deliver: 'latest/*=5ms,latest' });
  const slow = await EnvelopedClient.open(t, relay.port);
  await slow.ask({ op: 'sub', topic: 'latest/a', every: 300 });
  await slow.ask({ op: 'sub', topic: 'free', every: 200 });
  const [quick, free] = [await SocketClient.open(t, `${url}/latest/a`), await SocketClient.open(t, `${url}/free`)];
  assert.equal(relay.topics.find('latest/a')?.subscribers, 2);
  const publisher = await EnvelopedClient.open(t, relay.port);
  for (let n = 0; n < 20; n++) {
    await publisher.ask({ op: 'pub', topic: 'latest/a', data: n });
    await publisher.ask({ op: 'pub', topic: 'free', data: n });
    await quick.until((received) => received.at(-1)?.payload.toString() === String(n));
  }
  await free.count(20);
  const heard = await slow.until((all) => {
    const messages = all.filter((said) => said.op === 'msg');
    const isDone = (topic: string) => messages.findLast((each) => each.topic === topic)?.data === 19;
    return isDone('latest/a') && isDone('free') ? messages : undefined;
  });
  assert.equal(quick.received.length, 20);
  assert.ok(heard.filter(({ topic }) => topic === 'latest/a').length < 10);
  assert.deepEqual(
    heard.filter(({ topic }) => topic === 'free').map(({ data }) => data),
    Array.from({ length: 20 }, (_, n) => n),
  );
  await slow.ask({ op: 'unsub', topic: 'free' });
  assert.equal(relay.topics.find('free')?.subscribers, 1);
  for (const every of [-1, 0, 3_600_001]) {
    const refused = await slow.ask({ op: 'sub', topic: 'free', every });
    assert.ok(refused.op === 'error' && /"every" is a whole number .* from 1 to 3600000/.test(refused.message));
  }
});

test('what waits in a window goes out before a draining relay closes its sockets', async (t) => {
  const { relay, url } = await startLocalRelay(t, { deliver: 'all/*=1h', drainMs: 50 });
  const reader = await SocketClient.open(t, `${url}/all/a`);
  const sender = await SocketClient.open(t, `${url}/all/a`);
  for (const text of ['1', '2', '3']) sender.socket.send(text);
  await sender.handled();
  await relay.drain();
  assert.deepEqual([(await reader.closed).code, reader.texts], [1012, ['1', '2', '3']]);
});

test('HTTP publishes name their key in the query, a header or a line; raw sockets their window in the query', async (t) => {
  const { url, http } = await startLocalRelay(t, { deliver: `keyed/*=${KEYED_WINDOW_MS}ms,latest-by-key` });
  const post = (path: string, body: string, headers: Record<string, string> = {}) =>
    fetch(`${http}/publish${path}`, { method: 'POST', body, headers: { 'content-type': 'text/plain', ...headers } });
  // On a busy machine the window may end between two of them: then they prove nothing, and are published once more.
  for (let attempt = 0, isOneWindow = false; !isOneWindow; attempt++) {
    assert.ok(attempt < 20, 'four requests never came within one window, or x1 is not replaced');
    const topic = `keyed/${attempt}`;
    const reader = await SocketClient.open(t, `${url}/${topic}`);
    const rare = await SocketClient.open(t, `${url}/${topic}?every=${2 * KEYED_WINDOW_MS}`);
    await post(`/${topic}?key=first`, 'first');
    await post(`/${topic}?key=x`, 'x1');
    await post(`/${topic}`, 'y1', { 'Fanwire-Key': 'y' });
    const lines = ['x2', 'z1'].map((data) => JSON.stringify({ topic, key: data[0], data }));
    const batch = await post('', lines.join('\n'), { 'content-type': 'application/x-ndjson' });
    assert.deepEqual(await batch.json(), { accepted: 2, rejected: [] });
    await Promise.all([reader, rare].map((one) => one.until((all) => all.at(-1)?.payload.toString() === 'z1')));
    isOneWindow = !reader.texts.includes('x1');
    if (isOneWindow) assert.deepEqual(reader.texts, ['first', 'y1', 'x2', 'z1']);
  }
  for (const refused of [await post(`/keyed/a?key=${'k'.repeat(201)}`, 'x'), await post('/keyed/a?key=', 'x')]) {
    const { error } = (await refused.json()) as { error: { code: string; message: string } };
    assert.deepEqual([refused.status, error.code], [400, 'FANWIRE_PUBLISH_QUERY']);
  }
  const upgrade = await refusalOf(`${url}/keyed/a?every=1h`);
  assert.deepEqual([upgrade.status, upgrade.code], [400, 'FANWIRE_WS_QUERY']);
});
