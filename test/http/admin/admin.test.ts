// The admin listener over real HTTP: what it says of known traffic, who may ask, and that the figures add up.
import assert from 'node:assert/strict';
import { request } from 'node:http';
import { type TestContext, test } from 'node:test';
import { pino } from 'pino';
import type { RelayConfig } from '../../../src/config/schema.js';
import { startAdmin } from '../../../src/http/admin/admin.js';
import { LocalInspection } from '../../../src/relay/watch/inspection.js';
import { totalOf } from '../../../src/relay/watch/stats.js';
import { configWith } from '../../support/config-with.js';
import { parseExposition } from '../../support/exposition.js';
import { runFanwire } from '../../support/fanwire-process.js';
import { refusalOf, startLocalRelay } from '../../support/local-relay.js';
import { SocketClient } from '../../support/socket-client.js';

async function startWithAdmin(t: TestContext, given: Partial<RelayConfig> = {}) {
  const local = await startLocalRelay(t, given);
  const config = configWith({ adminPort: 0, ...given });
  const inspection = new LocalInspection(local.relay, config);
  const listener = await startAdmin(config, inspection, pino({ level: 'silent' }));
  t.after(() => {
    inspection.stop();
    listener.close();
  });
  const base = `http://127.0.0.1:${listener.port}`;
  const get = async (path: string, init: RequestInit = {}) => {
    const response = await fetch(base + path, init);
    const text = await response.text();
    const isJson = text !== '' && response.headers.get('content-type') === 'application/json';
    return { status: response.status, text, json: isJson ? JSON.parse(text) : undefined };
  };
  return { ...local, inspection, get, adminPort: listener.port };
}

test('metrics and stats count known traffic exactly, and no topic, user or address is a label', {
  timeout: 60_000,
}, async (t) => {
  const { url, http, get } = await startWithAdmin(t, { maxConnections: 5 });
  const room = await Promise.all([1, 2, 3].map(() => SocketClient.open(t, `${url}/secret-room`)));
  const alone = await SocketClient.open(t, `${url}/secret-other`);
  for (let i = 0; i < 10; i++) room[0]?.socket.send('12345');
  await room[2]?.count(10);
  alone.socket.send('nobody hears this');
  await alone.handled();
  await fetch(`${http}/publish/secret-room`, { method: 'POST', body: '1234567' });
  await room[0]?.count(1);
  await SocketClient.open(t, `${url}/x`);
  await refusalOf(`${url}/y`);

  const { text } = await get('/metrics');
  const metrics = parseExposition(text);
  const expected: Record<string, number> = {
    fanwire_connections: 5,
    fanwire_connections_opened_total: 5,
    fanwire_connections_closed_total: 0,
    fanwire_topics: 3,
    fanwire_messages_published_total: 12,
    fanwire_published_bytes_total: 10 * 5 + 17 + 7,
    fanwire_messages_delivered_total: 20 + 3,
    fanwire_delivered_bytes_total: 20 * 5 + 3 * 7,
    'fanwire_requests_refused_total{code="FANWIRE_MAX_CONNECTIONS"}': 1,
    'fanwire_messages_dropped_total{reason="slow_consumer"}': 0,
    'fanwire_fanout_size_bucket{le="0"}': 1,
    'fanwire_fanout_size_bucket{le="1"}': 1,
    'fanwire_fanout_size_bucket{le="2"}': 11,
    'fanwire_fanout_size_bucket{le="4"}': 12,
    'fanwire_fanout_size_bucket{le="+Inf"}': 12,
    fanwire_fanout_size_sum: 23,
    fanwire_fanout_size_count: 12,
    fanwire_ready: 0,
    'fanwire_worker_connections{worker="0"}': 5,
  };
  for (const [series, value] of Object.entries(expected)) assert.equal(metrics.values.get(series), value, series);
  assert.ok((metrics.values.get('fanwire_publish_to_flush_seconds_count') ?? 0) >= 1);
  assert.ok((metrics.values.get('process_resident_memory_bytes') ?? 0) > 1e6);
  assert.ok(!text.includes('secret') && !text.includes('127.0.0.1'));

  const { json: stats } = await get('/stats');
  assert.equal(stats.schema, 'fanwire.stats/1');
  assert.equal(stats.ready, false);
  assert.deepEqual(
    [stats.total.connections, stats.total.published, stats.total.delivered, stats.total.refused],
    [5, 12, 23, { FANWIRE_MAX_CONNECTIONS: 1 }],
  );
  const [{ worker, startedAtMs, ...only }] = stats.workers;
  assert.equal(worker, 0);
  assert.ok(startedAtMs <= Date.now());
  assert.deepEqual(only, stats.total);
});

test('stats say by which rules topics are kept and delivered', async (t) => {
  const { get } = await startWithAdmin(t, {
    history: 'chat/*=10,1m,1m',
    state: 'pos/*=50',
    deliver: 'prices/*=50ms;pos/*=1s,latest-by-key:,',
  });
  const { json: stats } = await get('/stats');
  assert.deepEqual(stats.rules, {
    history: [{ pattern: 'chat/*', maxMessages: 10, ttlMs: 60_000, maxBytes: 1 << 20 }],
    state: [{ pattern: 'pos/*', maxKeys: 50, ttlMs: 0 }],
    deliver: [
      { pattern: 'prices/*', windowMs: 50, mode: 'all' },
      { pattern: 'pos/*', windowMs: 1000, mode: 'latest-by-key', separator: ',' },
    ],
  });
});

test('the relay is ready until it drains, is full or its event loop lags, and says which', {
  timeout: 60_000,
}, async (t) => {
  const { url, relay, get } = await startWithAdmin(t, { maxConnections: 1, maxLoopLagMs: 1000, drainMs: 0 });
  assert.deepEqual([(await get('/healthz')).status, (await get('/readyz')).status], [200, 200]);
  const head = await get('/readyz', { method: 'HEAD' });
  assert.deepEqual([head.status, head.text], [200, '']);
  const client = await SocketClient.open(t, `${url}/room`);
  assert.deepEqual((await get('/readyz')).json.reasons, ['all 1 connections are taken']);
  const blockedUntil = performance.now() + 1600;
  while (performance.now() < blockedUntil);
  await relay.drain();
  await client.closed;
  let answer = await get('/readyz');
  while (answer.json.reasons.length < 2) answer = await get('/readyz');
  assert.equal(answer.status, 503);
  assert.match(answer.json.reasons.join(), /^draining,the event loop lags \d{3,} ms, over 1000$/);
  assert.equal((await get('/healthz')).status, 200);
});

test('topics are ranked by subscribers and by rate', { timeout: 60_000 }, async (t) => {
  const { url, get } = await startWithAdmin(t);
  const sizes = { big: 5, middle: 3, small: 1 };
  const clients: Record<string, SocketClient[]> = {};
  for (const [topic, size] of Object.entries(sizes)) {
    clients[topic] = await Promise.all(Array.from({ length: size }, () => SocketClient.open(t, `${url}/${topic}`)));
  }
  const byName = async (path: string) => (await get(path)).json.topics.map(({ topic }: { topic: string }) => topic);
  assert.deepEqual(await byName('/topics'), ['big', 'middle', 'small']);
  assert.deepEqual(await byName('/topics?limit=2'), ['big', 'middle']);
  const publishing = setInterval(() => {
    for (let i = 0; i < 3; i++) clients.small?.[0]?.socket.send('x');
    clients.middle?.[0]?.socket.send('x');
  }, 10);
  t.after(() => clearInterval(publishing));
  const { json } = await get('/topics?by=rate&limit=2');
  assert.deepEqual(
    json.topics.map(({ topic }: { topic: string }) => topic),
    ['small', 'middle'],
  );
  assert.ok(
    json.topics[0].messagesPerSecond > json.topics[1].messagesPerSecond && json.topics[1].messagesPerSecond > 1,
  );
  assert.equal((await get('/topics?by=name')).json.error.code, 'FANWIRE_ADMIN_QUERY');
  assert.equal((await get('/topics?limit=0')).status, 400);
});

test('connections come in pages without gaps, can be searched, and one can be closed', {
  timeout: 60_000,
}, async (t) => {
  const { url, get, relay } = await startWithAdmin(t);
  const clients = [];
  for (let i = 0; i < 25; i++) clients.push(await SocketClient.open(t, `${url}/${i % 5 === 0 ? 'fifth' : 'other'}`));
  const seen: string[] = [];
  let path = '/connections?limit=10';
  for (let pages = 0; path !== ''; pages++) {
    assert.ok(pages < 4);
    const { json } = await get(path);
    seen.push(...json.connections.map(({ id }: { id: string }) => id));
    path = json.next === undefined ? '' : `/connections?limit=10&after=${json.next}`;
  }
  assert.deepEqual(seen, [...relay.connections.keys()]);
  const fifth = (await get('/connections?topic=fifth&address=127.0.0.1')).json.connections;
  assert.equal(fifth.length, 5);
  assert.equal((await get('/connections?address=192.0.2.1')).json.connections.length, 0);

  const { id, protocol, topics } = fifth[0];
  assert.deepEqual([protocol, topics], ['raw', ['fifth']]);
  assert.deepEqual((await get(`/connections/${id}`, { method: 'DELETE' })).json, { closed: id });
  assert.equal((await clients[0]?.closed)?.code, 1008);
  assert.equal((await get(`/connections/${id}`, { method: 'DELETE' })).json.error.code, 'FANWIRE_NO_CONNECTION');
  assert.equal(relay.counters.cut.kicked, 1);
});

test('with an admin token everything but health asks for it', { timeout: 60_000 }, async (t) => {
  const { get } = await startWithAdmin(t, { adminToken: 'open sesame' });
  for (const path of ['/metrics', '/stats', '/topics', '/connections']) {
    assert.equal((await get(path)).json.error.code, 'FANWIRE_ADMIN_TOKEN');
    assert.equal((await get(path, { headers: { authorization: 'Bearer open sesam' } })).status, 401);
    assert.equal((await get(path, { headers: { authorization: 'Bearer open sesame' } })).status, 200);
    assert.equal((await get(`${path}?token=open%20sesame`)).status, 200);
  }
  assert.equal((await get('/connections/1', { method: 'DELETE' })).status, 401);
  assert.deepEqual([(await get('/healthz')).status, (await get('/readyz')).status], [200, 200]);
  const nowhere = await get('/nowhere');
  assert.deepEqual([nowhere.status, nowhere.json.error.code], [404, 'FANWIRE_NO_ROUTE']);
});

test('an admin port that is taken stops the start with a line that names the flag', { timeout: 60_000 }, async (t) => {
  const { relay } = await startLocalRelay(t);
  const { code, stderr } = await runFanwire(t, ['serve', '--port', '0', '--admin-port', String(relay.port)]);
  assert.equal(code, 1);
  assert.match(stderr, new RegExp(`127.0.0.1:${relay.port}: the port is in use.* --admin-port`));
});

test('the total of several workers is their sum, and the worst of their lags', { timeout: 60_000 }, async (t) => {
  const { url, inspection } = await startWithAdmin(t);
  const sender = await SocketClient.open(t, `${url}/room`);
  const receiver = await SocketClient.open(t, `${url}/room`);
  for (let i = 0; i < 3; i++) sender.socket.send('x');
  await receiver.count(3);
  const [stats] = await inspection.stats();
  assert.ok(stats);
  const total = totalOf([
    { ...stats, loopLagMs: 5, refused: { A: 1, B: 1 } },
    { ...stats, worker: 1, loopLagMs: 7, refused: { B: 2 } },
  ]);
  assert.deepEqual([total.published, total.fanOut.sum, total.loopLagMs, total.refused], [6, 6, 7, { A: 1, B: 3 }]);
  assert.equal(
    total.fanOut.counts.reduce((all, each) => all + each),
    6,
  );
});

test('on loopback without a token, a name that only resolves to this machine is refused; with a token it is not', async (t) => {
  const status = (port: number, host: string, path = '/stats'): Promise<number | undefined> =>
    new Promise((resolve, reject) => {
      const asked = request({ host: '127.0.0.1', port, path, headers: { host } }, (answer) => {
        answer.resume();
        resolve(answer.statusCode);
      });
      asked.on('error', reject).end();
    });
  const open = await startWithAdmin(t);
  for (const host of [
    'localhost',
    'localhost:9002',
    'LocalHost',
    'LOCALHOST:9002',
    'localhost.',
    '127.0.0.1:9002',
    '[::1]:9002',
  ]) {
    assert.equal(await status(open.adminPort, host), 200, host);
  }
  for (const host of ['rebound.example:9002', '127.0.0.1.example', 'localhost.example']) {
    assert.equal(await status(open.adminPort, host), 403, host);
    assert.equal(await status(open.adminPort, host, '/healthz'), 200, host);
  }
  const guarded = await startWithAdmin(t, { adminToken: 'a-token-for-this-test' });
  assert.equal(await status(guarded.adminPort, 'relay.example', '/stats?token=a-token-for-this-test'), 200);
});
