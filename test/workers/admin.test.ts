// The admin listener of a relay with several workers: it speaks for all of them, also when one has died.
import assert from 'node:assert/strict';
import test, { type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { SignJWT } from 'jose';
import { type FanwireProcess, listeningPort, nodeProcess, serve } from '../support/fanwire-process.js';
import { SocketClient } from '../support/socket-client.js';

const FAILING_RELAY = fileURLToPath(new URL('./failing-relay.js', import.meta.url));
/** So many sockets that both workers have some: the chance that one has none is 1 in 2^23. */
const SOCKETS = 24;

async function adminOf(relay: FanwireProcess) {
  const [, port] = await relay.seen(/"adminPort":(\d+),[^\n]*"msg":"admin on/);
  return async (path: string, method = 'GET') => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`, { method });
    const text = await response.text();
    return { status: response.status, text, json: path.startsWith('/metrics') ? undefined : JSON.parse(text) };
  };
}

function open(t: TestContext, url: string, options = {}): Promise<SocketClient[]> {
  return Promise.all(Array.from({ length: SOCKETS }, () => SocketClient.open(t, url, options)));
}

test('statistics, topics, connections and kick cover every worker, and big headers reach each of them', async (t) => {
  const secret = 's'.repeat(32);
  const relay = await serve(t, ['--workers', '2', '--auth', 'jwt'], { FANWIRE_JWT_SECRET: secret });
  const token = await new SignJWT({ sub: 'alice', fanwire: { sub: ['*'], pub: ['*'] }, pad: 'x'.repeat(5500) })
    .setProtectedHeader({ alg: 'HS256' })
    .sign(Buffer.from(secret));
  const admin = await adminOf(relay);
  const clients = await open(t, relay.url('news'), { headers: { authorization: `Bearer ${token}` } });
  clients[0]?.socket.send('hello');
  await Promise.all(clients.slice(1).map((client) => client.count(1)));

  const { json: stats } = await admin('/stats');
  assert.deepEqual([stats.total.connections, stats.total.published, stats.total.delivered], [SOCKETS, 1, SOCKETS - 1]);
  assert.equal(stats.workers.length, 2);
  assert.ok(stats.workers.every(({ connections }: { connections: number }) => connections > 0));
  assert.match((await admin('/metrics')).text, new RegExp(`^fanwire_connections ${SOCKETS}$`, 'm'));
  assert.deepEqual((await admin('/topics')).json.topics, [{ topic: 'news', subscribers: SOCKETS, published: 1 }]);
  assert.equal((await admin('/readyz')).status, 200);

  const ids: string[] = [];
  let path = '/connections?limit=7&user=alice';
  while (path !== '') {
    const { json } = await admin(path);
    ids.push(...json.connections.map(({ id }: { id: string }) => id));
    path = json.next === undefined ? '' : `/connections?limit=7&user=alice&after=${json.next}`;
  }
  assert.deepEqual([ids.length, new Set(ids).size], [SOCKETS, SOCKETS]);
  for (const id of ids) assert.equal((await admin(`/connections/${id}`, 'DELETE')).status, 200);
  for (const client of clients) assert.equal((await client.closed).code, 1008);
  assert.equal((await admin(`/connections/${ids[0]}`, 'DELETE')).status, 404);
});

test('when a worker dies the counts go on, and its restart is counted', async (t) => {
  const relay = nodeProcess(t, [FAILING_RELAY]);
  const port = await listeningPort(relay);
  const admin = await adminOf(relay);
  const clients = await open(t, `ws://127.0.0.1:${port}/news`);
  for (const client of clients) client.socket.send('hello');
  await Promise.all(clients.map((client) => client.count(SOCKETS - 1)));
  const before = (await admin('/stats')).json.total;
  assert.deepEqual([before.opened, before.published, before.delivered], [SOCKETS, SOCKETS, SOCKETS * (SOCKETS - 1)]);
  relay.child.stdin.write('throw 1\n');
  await relay.seen(/"msg":"worker started anew"/);
  const back = await open(t, `ws://127.0.0.1:${port}/news`);
  const after = (await admin('/stats')).json.total;
  assert.equal(after.opened, 2 * SOCKETS);
  assert.deepEqual([after.published, after.delivered], [before.published, before.delivered]);
  const left = clients.filter(({ socket }) => socket.readyState === socket.OPEN).length;
  assert.equal(after.connections, left + back.length);
  assert.match((await admin('/metrics')).text, /^fanwire_worker_restarts_total 1$/m);
});
