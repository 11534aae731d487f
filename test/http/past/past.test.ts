// What is kept of a topic, over HTTP: on whatever thread or node, for who may subscribe, page by page, and for next to
// nothing where nothing has changed.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { test } from 'node:test';
import { temporaryFolder } from '../../support/constructed-repository.js';
import { EnvelopedClient } from '../../support/enveloped-client.js';
import { everywhere, nodeAt } from '../../support/everywhere.js';
import { type ServeProcess, serve } from '../../support/fanwire-process.js';
import { SocketClient } from '../../support/socket-client.js';

const RULES = ['--state', 'state/*', '--history', 'kept/*=50,10m,2m'];

interface Page {
  readonly topic: string;
  readonly epoch: string;
  readonly seq: number;
  readonly more: boolean;
  readonly reason?: string;
  readonly messages: readonly { seq: number; data: unknown; key?: string; encoding?: string; from?: string }[];
}

async function get(node: ServeProcess, path: string, headers: Record<string, string> = {}) {
  const response = await fetch(`http://127.0.0.1:${node.port}${path}`, { headers });
  const text = await response.text();
  return { status: response.status, headers: response.headers, page: (text ? JSON.parse(text) : undefined) as Page };
}

const dataOf = ({ messages }: Page): unknown[] => messages.map(({ data }) => data);
const numbers = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, n) => from + n);

test('a state and a history are read on whatever thread or node, as they are at that moment', (t) =>
  everywhere(t, RULES, async (t, nodes) => {
    const publisher = await EnvelopedClient.open(t, nodeAt(nodes, 0).port);
    const empty = await get(nodeAt(nodes, 1), '/topics/state%2Fx/state');
    assert.deepEqual([empty.status, empty.page.messages, empty.page.more], [200, [], false]);
    for (let n = 1; n <= 9; n++) {
      await publisher.ask({ op: 'pub', topic: 'state/x', data: n, key: `k${n % 2}`, pid: `p${n}` });
    }
    await publisher.ask({ op: 'pub', topic: 'state/x', data: 'AP8B', encoding: 'base64' });
    for (let round = 0; round < 4; round++) {
      // Again and again, for a worker or node that has it already must hear of what comes.
      await publisher.ask({ op: 'pub', topic: 'state/x', data: 100 + round, key: 'k0' });
      for (const path of ['/topics/state%2Fx/state', '/topics/state/x/state']) {
        let read = await get(nodeAt(nodes, round), path);
        // What one node has published reaches another a moment later.
        while (dataOf(read.page).at(-1) !== 100 + round) read = await get(nodeAt(nodes, round), path);
        assert.deepEqual(dataOf(read.page), [9, 'AP8B', 100 + round]);
        const [nine, binary] = read.page.messages;
        assert.deepEqual([nine?.key, nine && 'pid' in nine, binary?.encoding], ['k1', false, 'base64']);
      }
    }
    for (const n of numbers(1, 60)) await publisher.ask({ op: 'pub', topic: 'kept/y', data: n });
    for (const node of nodes) {
      const last = await get(node, '/history/kept/y?limit=3');
      assert.deepEqual([dataOf(last.page), last.page.more], [[58, 59, 60], false]);
      assert.deepEqual(dataOf((await get(node, '/history/kept/y')).page), numbers(11, 60));
      const newest = await get(node, '/topics/kept/y/state');
      assert.deepEqual(dataOf(newest.page), [60]);
      // Page by page from the beginning, which is gone: that is said.
      const paged: unknown[] = [];
      let page = (await get(node, '/history/kept/y?since=0&limit=20')).page;
      assert.equal(page.reason, 'too-old');
      for (;;) {
        paged.push(...dataOf(page));
        if (!page.more) break;
        page = (await get(node, `/history/kept/y?limit=20&since=${page.seq}&epoch=${page.epoch}`)).page;
        assert.equal(page.reason, undefined);
      }
      assert.deepEqual(paged, numbers(11, 60));
      const other = await get(node, '/history/kept/y?since=1&epoch=another');
      assert.equal(other.page.reason, 'epoch-changed');
    }
  }));

test('a page is bounded in bytes, and says that there is more', async (t) => {
  const relay = await serve(t, [...RULES, '--max-payload', '600k']);
  const socket = await SocketClient.open(t, relay.url('kept/big'));
  for (let n = 0; n < 3; n++) socket.socket.send(`${n}${'x'.repeat(500_000)}`);
  await socket.handled();
  const first = await get(relay, '/history/kept/big?since=0');
  assert.deepEqual([first.page.messages.length, first.page.more], [2, true]);
  const second = await get(relay, `/history/kept/big?since=${first.page.seq}`);
  assert.deepEqual([second.page.messages.length, second.page.more], [1, false]);
});

test('who has it already is told so: ETag, If-None-Match, 304, and the same by HEAD; a cache asks each time', async (t) => {
  const relay = await serve(t, RULES);
  const socket = await SocketClient.open(t, relay.url('state/x'));
  socket.socket.send('one');
  await socket.handled();
  const path = '/topics/state/x/state';
  const first = await get(relay, path);
  const etag = first.headers.get('etag') as string;
  assert.match(etag, /^"[\w.-]+"$/);
  assert.equal(first.headers.get('cache-control'), 'public, no-cache');
  assert.equal(first.headers.get('vary'), 'Authorization, Origin');
  for (const known of [etag, `W/${etag}`, `"other", ${etag}`, '*']) {
    for (const method of ['GET', 'HEAD']) {
      const url = `http://127.0.0.1:${relay.port}${path}`;
      const same = await fetch(url, { method, headers: { 'If-None-Match': known, Origin: 'http://page.test' } });
      assert.deepEqual([same.status, await same.text()], [304, ''], `${method} ${known}`);
      assert.equal(same.headers.get('etag'), etag);
      assert.equal(same.headers.get('access-control-allow-origin'), 'http://page.test');
      assert.match(same.headers.get('access-control-expose-headers') ?? '', /ETag/);
    }
  }
  // A list may come in several headers.
  const inTwo = await new Promise<number | undefined>((resolve, reject) => {
    const headers = { 'If-None-Match': ['"other"', etag] };
    request({ host: '127.0.0.1', port: relay.port, path, headers }, ({ statusCode }) => resolve(statusCode))
      .on('error', reject)
      .end();
  });
  assert.equal(inTwo, 304);
  const head = await fetch(`http://127.0.0.1:${relay.port}${path}`, { method: 'HEAD' });
  assert.deepEqual([head.status, head.headers.get('etag')], [200, etag]);
  socket.socket.send('two');
  await socket.handled();
  const second = await get(relay, path, { 'If-None-Match': etag });
  assert.deepEqual([second.status, dataOf(second.page)], [200, ['two']]);
  assert.notEqual(second.headers.get('etag'), etag);
});

test('only who may subscribe may read, and nobody else keeps the answer', async (t) => {
  const file = join(temporaryFolder(t), 'tokens.json');
  const reader = 'reader-token-0123456789';
  const tokens = [{ token: reader, user: 'ann', sub: ['state/a'], pub: ['state/*'] }];
  writeFileSync(file, JSON.stringify({ tokens }), { mode: 0o600 });
  const relay = await serve(t, [...RULES, '--auth', 'static', '--tokens-file', file]);
  const token = { Authorization: `Bearer ${reader}` };
  assert.equal((await get(relay, '/topics/state/a/state')).status, 401);
  assert.equal((await get(relay, '/topics/state/b/state', token)).status, 403);
  assert.equal((await get(relay, '/history/kept/b', token)).status, 403);
  const read = await get(relay, '/topics/state/a/state', token);
  assert.deepEqual([read.status, read.headers.get('cache-control')], [200, 'private, no-cache']);
  assert.equal((await get(relay, `/topics/state/a/state?token=${reader}`)).status, 200);
});

test('what cannot be read is refused by name: a bad query, a topic that nothing keeps, a path that is none', async (t) => {
  const relay = await serve(t, RULES);
  const cases: [string, number, string][] = [
    ['/history/kept/a?limit=0', 400, 'FANWIRE_PAST_QUERY'],
    ['/history/kept/a?limit=1001', 400, 'FANWIRE_PAST_QUERY'],
    ['/history/kept/a?limit=ten', 400, 'FANWIRE_PAST_QUERY'],
    ['/history/kept/a?since=-1', 400, 'FANWIRE_PAST_QUERY'],
    ['/topics/state/a/state?since=1e3', 400, 'FANWIRE_PAST_QUERY'],
    ['/history/kept/a?epoch=e', 400, 'FANWIRE_PAST_QUERY'],
    ['/history/plain', 404, 'FANWIRE_NOT_KEPT'],
    ['/topics/plain/state', 404, 'FANWIRE_NOT_KEPT'],
    ['/topics/state/a', 404, 'FANWIRE_NO_ROUTE'],
    ['/history/%ff', 400, 'FANWIRE_TOPIC_ENCODING'],
    [`/history/${'x'.repeat(201)}`, 400, 'FANWIRE_TOPIC_NAME'],
  ];
  for (const [path, status, code] of cases) {
    const refused = await get(relay, path);
    const { error } = refused.page as unknown as { error: { code: string } };
    assert.deepEqual([refused.status, error.code, refused.headers.get('fanwire-error')], [status, code, code], path);
  }
});

test('reading does not keep a topic for ever, nor take one from a subscriber', async (t) => {
  const relay = await serve(t, [...RULES, '--max-topics', '2']);
  for (const name of ['a', 'b']) assert.equal((await get(relay, `/topics/state/${name}/state`)).status, 200);
  const full = await get(relay, '/topics/state/c/state');
  assert.deepEqual([full.status, full.headers.get('fanwire-error')], [503, 'FANWIRE_TOO_MANY_TOPICS']);
  let later = full;
  while (later.status !== 200) later = await get(relay, '/topics/state/c/state');
});

test('reading has the budget of ops, by user or address: who reads on and on is told to wait, nobody else', async (t) => {
  const relay = await serve(t, [...RULES, '--max-op-rate', '10', '--trust-proxy', 'loopback']);
  const from = (address: string) => get(relay, '/topics/state/a/state', { 'X-Forwarded-For': address });
  let refused = await from('192.0.2.1');
  for (let reads = 0; refused.status === 200 && reads < 100; reads++) refused = await from('192.0.2.1');
  const { headers } = refused;
  assert.deepEqual(
    [refused.status, headers.get('fanwire-error'), headers.get('retry-after')],
    [429, 'FANWIRE_OP_RATE', '1'],
  );
  assert.equal((await from('192.0.2.2')).status, 200);
});

test('a page costs by its bytes too: a few large ones are all that a small budget allows', async (t) => {
  const relay = await serve(t, [...RULES, '--max-op-rate', '10']);
  for (let n = 0; n < 8; n++) {
    const body = 'x'.repeat(60_000);
    const path = `http://127.0.0.1:${relay.port}/publish/kept/large`;
    await fetch(path, { method: 'POST', body, headers: { 'Content-Type': 'text/plain' } });
  }
  const statuses: number[] = [];
  while (statuses.at(-1) !== 429 && statuses.length <= 4) {
    statuses.push((await get(relay, '/history/kept/large')).status);
  }
  assert.ok(statuses.length <= 4, `${statuses.length} pages of 480 kB for 100 ops`);
});
