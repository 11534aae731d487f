// What the client library promises its user, against real relays: nothing hangs, nothing grows without bound, nothing
// is silent.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { SignJWT } from 'jose';
import { WebSocket } from 'ws';
import { type ClientOptions, type ClientState, FanwireClient, type FanwireError } from '../../src/client/index.js';
import { jitterMs } from '../../src/client/times.js';
import { withToken } from '../../src/client/token.js';
import { CuttingProxy } from '../support/cutting-proxy.js';
import { serve } from '../support/fanwire-process.js';
import { startLocalRelay, until } from '../support/local-relay.js';

const SECRET = 'a secret of more than thirty-two bytes';
const FAST = { WebSocket, backoffBaseMs: 5, backoffCapMs: 40 };

function clientOf(t: TestContext, url: string, options: ClientOptions = {}): FanwireClient {
  const client = new FanwireClient(url, { ...FAST, ...options });
  t.after(() => client.close());
  return client;
}

function enters(client: FanwireClient, state: ClientState): Promise<void> {
  return new Promise((resolve) => {
    if (client.state === state) resolve();
    const off = client.on('state', (entered) => {
      if (entered !== state) return;
      off();
      resolve();
    });
  });
}

const codeOf = (outcome: PromiseSettledResult<unknown>): string =>
  outcome.status === 'fulfilled' ? 'ok' : (outcome.reason as FanwireError).code;

test('publishes wait in order while there is no connection, up to the bound, and the rest are refused', async (t) => {
  let port = 1; // nothing listens there
  const proxy = await CuttingProxy.start(t, () => port);
  const client = clientOf(t, `ws://127.0.0.1:${proxy.port}`, { queueLimit: 3 });
  const outcomes = Promise.allSettled([1, 2, 3, 4, 5].map((n) => client.publish('room', n)));
  assert.equal(client.queued, 3);
  const relay = await serve(t);
  const listener = clientOf(t, `ws://127.0.0.1:${relay.port}`);
  const heard: unknown[] = [];
  const room = listener.subscribe('room', ({ data }) => heard.push(data));
  await room.ready;
  port = relay.port;
  assert.deepEqual((await outcomes).map(codeOf), [
    'ok',
    'ok',
    'ok',
    'FANWIRE_CLIENT_QUEUE_FULL',
    'FANWIRE_CLIENT_QUEUE_FULL',
  ]);
  await listener.publish('room', 'own, so that all before it has arrived');
  assert.deepEqual(heard, [1, 2, 3]);
  assert.equal(client.queued, 0);
});

test('what was sent and not answered when the connection ends is rejected as unconfirmed, not left to hang', async (t) => {
  const relay = await serve(t);
  const client = clientOf(t, `ws://127.0.0.1:${relay.port}`, { confirmMs: 300 });
  await enters(client, 'open');
  relay.child.kill('SIGSTOP');
  const outcomes = Promise.allSettled([client.publish('room', 1), client.presence('room')]);
  relay.child.kill('SIGKILL');
  assert.deepEqual((await outcomes).map(codeOf), ['FANWIRE_CLIENT_UNCONFIRMED', 'FANWIRE_CLIENT_UNCONFIRMED']);
});

test('own publishes do not come back with a replay', async (t) => {
  const relay = await serve(t, ['--history', 'room=1000,10m,1m']);
  const proxy = await CuttingProxy.start(t, () => relay.port);
  const ann = clientOf(t, `ws://127.0.0.1:${proxy.port}`);
  const bob = clientOf(t, `ws://127.0.0.1:${relay.port}`);
  const heard: unknown[] = [];
  const room = ann.subscribe('room', ({ data }) => heard.push(data));
  await room.ready;
  await ann.publish('room', 'own 1');
  await bob.publish('room', 'bob 1');
  await ann.publish('room', 'own 2');
  const live = new Promise((resolve) => room.on('live', resolve));
  proxy.cutAll();
  await enters(ann, 'waiting');
  await bob.publish('room', 'bob 2');
  await live;
  await ann.publish('room', 'own 3');
  await bob.publish('room', 'end');
  while (heard.at(-1) !== 'end') await new Promise((resolve) => room.on('message', resolve));
  assert.deepEqual(heard, ['bob 1', 'bob 2', 'end']);
});

test('after a drain it comes back when it was told to, without an error', async (t) => {
  const relay = await serve(t, ['--drain-ms', '400']);
  const errors: string[] = [];
  const client = clientOf(t, `ws://127.0.0.1:${relay.port}`);
  await enters(client, 'open');
  client.on('error', ({ code }) => errors.push(code));
  const stopped = performance.now();
  relay.child.kill('SIGTERM');
  const toldMs = await new Promise<number>((resolve) => client.on('drain', resolve));
  await enters(client, 'waiting');
  await enters(client, 'connecting');
  assert.ok(performance.now() - stopped >= toldMs - 2, `back after ${performance.now() - stopped} of ${toldMs} ms`);
  assert.deepEqual(errors, []);
});

test("a refused upgrade's Retry-After is waited for", async (t) => {
  const server = createServer().listen(0, '127.0.0.1');
  t.after(() => server.close());
  await once(server, 'listening');
  const tries: number[] = [];
  server.on('upgrade', (_request, socket) => {
    tries.push(performance.now());
    socket.on('error', () => {}); // the client goes as soon as it has the answer
    socket.end('HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n');
  });
  const client = clientOf(t, `ws://127.0.0.1:${(server.address() as AddressInfo).port}`);
  const refusal = new Promise<FanwireError>((resolve) => client.on('error', resolve));
  assert.match((await refusal).message, /ended with 503/);
  while (tries.length < 2) await once(server, 'upgrade');
  assert.ok((tries[1] as number) - (tries[0] as number) >= 998, `tried again after ${tries}`);
});

test('a token is renewed before it ends, and the connection outlives several of them', async (t) => {
  // The skew gives a machine that stands still for a moment two seconds more; the fifth token comes after the first has
  // ended with it.
  const { url, relay } = await startLocalRelay(t, { auth: 'jwt', jwtSecret: SECRET, jwtClockSkewS: 2 });
  const claims = { sub: 'ann', fanwire: { sub: ['room'], pub: ['room'] } };
  let minted = 0;
  const token = (): Promise<string> => {
    minted++;
    const now = Math.floor(Date.now() / 1000);
    return new SignJWT({ ...claims, iat: now, exp: now + 2 })
      .setProtectedHeader({ alg: 'HS256' })
      .sign(Buffer.from(SECRET));
  };
  const client = clientOf(t, url, { token });
  const states: ClientState[] = [];
  client.on('state', (state) => states.push(state));
  const room = client.subscribe('room');
  await room.ready;
  await assert.rejects(client.publish('hall', 1), { code: 'FANWIRE_PUBLISH_FORBIDDEN' });
  const hall = client.subscribe('hall');
  await assert.rejects(hall.ready, { code: 'FANWIRE_SUBSCRIBE_FORBIDDEN' });
  await until(() => minted === 5);
  await client.publish('room', 'still here');
  assert.deepEqual(states, ['open']);
  assert.equal(relay.counters.opened, 1);
});

test('a token that ended and cannot be renewed closes the client for good, and says so', async (t) => {
  const { url } = await startLocalRelay(t, { auth: 'jwt', jwtSecret: SECRET, jwtClockSkewS: 0 });
  const token = await new SignJWT({ exp: Math.floor(Date.now() / 1000) + 3, fanwire: { sub: ['*'] } })
    .setProtectedHeader({ alg: 'HS256' })
    .sign(Buffer.from(SECRET));
  const client = clientOf(t, url, { token });
  const room = client.subscribe('room');
  await room.ready;
  const error = new Promise<FanwireError>((resolve) => client.on('error', resolve));
  const iteration = (async () => {
    for await (const _ of room);
  })();
  assert.match((await error).message, /4401/);
  assert.equal(client.state, 'closed');
  await assert.rejects(iteration, { code: 'FANWIRE_CLIENT_DISCONNECTED' });
  await assert.rejects(client.publish('room', 1), { code: 'FANWIRE_CLIENT_CLOSED' });
});

test('a relay that has frozen is noticed by its silence', async (t) => {
  const relay = await serve(t);
  const client = clientOf(t, `ws://127.0.0.1:${relay.port}`, { heartbeatMs: 150, connectTimeoutMs: 150 });
  await enters(client, 'open');
  relay.child.kill('SIGSTOP');
  await enters(client, 'waiting');
  relay.child.kill('SIGCONT');
  await enters(client, 'open');
});

test('a loop over messages ends with unsubscribe, and one that is too slow is told what it lost', async (t) => {
  const relay = await serve(t);
  const listener = clientOf(t, `ws://127.0.0.1:${relay.port}`, { bufferLimit: 10 });
  const publisher = clientOf(t, `ws://127.0.0.1:${relay.port}`);
  const room = listener.subscribe<number>('room');
  await room.ready;
  let lost = 0;
  room.on('gap', ({ reason, count }) => {
    assert.equal(reason, 'buffer-full');
    lost += count ?? 0;
  });
  const seen: number[] = [];
  const loop = (async () => {
    for await (const { data } of room) {
      seen.push(data);
      if (seen.length === 1) {
        const all = new Promise<void>((resolve) => room.on('message', ({ data: last }) => last === 30 && resolve()));
        await Promise.all([all, ...Array.from({ length: 30 }, (_, n) => publisher.publish('room', n + 1))]);
      }
      if (data === 30) room.unsubscribe();
    }
  })();
  await publisher.publish('room', 0);
  await loop;
  assert.deepEqual(seen, [0, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30]);
  assert.equal(lost, 20);
});

test('bytes travel as bytes', async (t) => {
  const relay = await serve(t);
  const listener = clientOf(t, `ws://127.0.0.1:${relay.port}`);
  const room = listener.subscribe('room');
  await room.ready;
  const bytes = Uint8Array.from({ length: 20_000 }, (_, n) => n % 256);
  const heard = new Promise((resolve) => room.on('message', ({ data }) => resolve(data)));
  await clientOf(t, `ws://127.0.0.1:${relay.port}`).publish('room', bytes);
  assert.deepEqual(await heard, bytes);
});

test('waits are spread evenly from a floor to a bound that doubles up to the cap', (t) => {
  t.mock.method(Math, 'random', () => 1);
  assert.deepEqual(
    [0, 1, 2, 5, 6, 60, 2000].map((attempt) => jitterMs(500, 30_000, attempt)),
    [500, 1000, 2000, 16_000, 30_000, 30_000, 30_000],
  );
  t.mock.method(Math, 'random', () => 0);
  assert.deepEqual([jitterMs(500, 30_000, 3), jitterMs(500, 20, 3)], [50, 2]);
});

test('a token goes into the subprotocol list if it fits there, else into the query', () => {
  assert.deepEqual(withToken('ws://h/x', 'a.b-c_d'), [
    'ws://h/x',
    ['fanwire.v1', 'fanwire.batch', 'fanwire.refusals', 'fanwire.token.a.b-c_d'],
  ]);
  assert.deepEqual(withToken('ws://h/x?y=1', 'a +b/='), [
    'ws://h/x?y=1&token=a%20%2Bb%2F%3D',
    ['fanwire.v1', 'fanwire.batch', 'fanwire.refusals'],
  ]);
  assert.deepEqual(withToken('ws://h/x', 'é'), [
    'ws://h/x?token=%C3%A9',
    ['fanwire.v1', 'fanwire.batch', 'fanwire.refusals'],
  ]);
  assert.deepEqual(withToken('ws://h/x', undefined), ['ws://h/x', ['fanwire.v1', 'fanwire.batch', 'fanwire.refusals']]);
});
