// The end of a relay: sockets are told over a span of time, readers get what they are owed, nothing new comes in.
import assert from 'node:assert/strict';
import { Agent, request } from 'node:http';
import { connect } from 'node:net';
import test, { type TestContext } from 'node:test';
import { certificate } from '../../support/certificate.js';
import { type ServeProcess, serve } from '../../support/fanwire-process.js';
import { SocketClient } from '../../support/socket-client.js';

test('a drain tells its sockets one after the other, not all at once, and refuses new ones', async (t) => {
  const relay = await serve(t, ['--drain-ms', '3000']);
  const clients = await Promise.all(Array.from({ length: 30 }, () => SocketClient.open(t, relay.url('drain'))));
  const closedAt: number[] = [];
  const all = clients.map(async (client) => {
    const { code } = await client.closed;
    closedAt.push(performance.now());
    return code;
  });
  relay.child.kill('SIGTERM');
  await Promise.race(all);
  // Not "connection refused": a balancer that has not noticed yet, and its client, are told to try elsewhere.
  await assert.rejects(SocketClient.open(t, relay.url('drain')), /503/);
  const published = await fetch(`http://127.0.0.1:${relay.port}/publish/drain`, { method: 'POST', body: 'x' });
  assert.equal(published.status, 503);
  assert.ok(Number(published.headers.get('retry-after')) > 0);
  assert.ok(clients.filter((client) => client.socket.readyState === client.socket.OPEN).length > 0);
  assert.deepEqual(await Promise.all(all), Array(30).fill(1012));
  const order = [...closedAt].sort((a, b) => a - b);
  const gaps = order.slice(1).filter((at, i) => at - (order[i] as number) > 1).length;
  // They come every 100 ms; a busy machine may hand some of them over together, but hardly all.
  assert.ok(gaps >= 3, `the closes came in ${gaps + 1} groups`);
  assert.deepEqual(await relay.exited, { code: 0, signal: null });
});

test('while it drains, those who are still connected hear what is sent, up to their own close', async (t) => {
  const relay = await serve(t, ['--drain-ms', '1000']);
  const receivers = await Promise.all(Array.from({ length: 40 }, () => SocketClient.open(t, relay.url('load'))));
  const sender = await SocketClient.open(t, relay.url('load'));
  let sent = 0;
  const pump = (): void => {
    if (sender.socket.readyState !== sender.socket.OPEN) return;
    for (let i = 0; i < 100; i++) sender.socket.send(String(sent++));
    sender.socket.ping('', undefined, () => setImmediate(pump));
  };
  pump();
  await Promise.all(receivers.map((receiver) => receiver.count(1000)));
  relay.child.kill('SIGTERM');
  const codes = await Promise.all(receivers.map(async (receiver) => (await receiver.closed).code));
  assert.deepEqual(codes, Array(40).fill(1012));
  for (const { texts } of receivers) {
    const expected = texts.map((_, i) => String(i));
    assert.deepEqual(texts, expected, 'a prefix without a gap');
  }
  assert.deepEqual(await relay.exited, { code: 0, signal: null });
});

test('a client that never closes its side does not keep the relay from ending', async (t) => {
  const relay = await serve(t, []);
  const socket = connect({ port: relay.port, host: '127.0.0.1', allowHalfOpen: true });
  t.after(() => socket.destroy());
  socket.write(
    'GET /deaf HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n' +
      'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n',
  );
  await new Promise((resolve) => socket.once('data', resolve));
  relay.child.kill('SIGTERM');
  assert.deepEqual(await relay.exited, { code: 0, signal: null });
});

for (const workers of ['1', '2']) {
  test(`with --drain-delay-ms and --workers ${workers} checks say 503 at once, while newcomers are taken and heard`, async (t) => {
    const relay = await serve(t, ['--drain-delay-ms', '2500', '--workers', workers]);
    const early = await SocketClient.open(t, relay.url('news'));
    const checks = [`http://127.0.0.1:${relay.adminPort}/readyz`, `http://127.0.0.1:${relay.port}/healthz`];
    const statuses = () => Promise.all(checks.map(async (url) => (await fetch(url)).status));
    assert.deepEqual(await statuses(), [200, 200]);
    const toldAt = performance.now();
    relay.child.kill('SIGTERM');
    await relay.seen(/"msg":"draining/);
    while (`${await statuses()}` !== '503,503') await new Promise((resolve) => setTimeout(resolve, 10));
    const late = await SocketClient.open(t, relay.url('news'));
    const published = await fetch(`http://127.0.0.1:${relay.port}/publish/news`, {
      method: 'POST',
      body: 'still here',
    });
    assert.equal(published.status, 202);
    await Promise.all([early, late].map((client) => client.count(1)));
    const codes = await Promise.all([early, late].map(async (client) => (await client.closed).code));
    assert.deepEqual(codes, [1012, 1012]);
    assert.ok(performance.now() - toldAt >= 2400, 'nobody was closed before the delay was over');
    assert.deepEqual(await relay.exited, { code: 0, signal: null });
  });
}

/** An HTTP connection that stays open after its first answer. */
async function keptConnection(t: TestContext, relay: ServeProcess): Promise<void> {
  const agent = new Agent({ keepAlive: true });
  t.after(() => agent.destroy());
  await new Promise<void>((resolve, reject) => {
    const sent = request({ port: relay.port, host: '127.0.0.1', path: '/publish/news', method: 'POST', agent });
    sent.on('error', reject).on('response', (answer) => answer.resume().on('end', resolve));
    sent.end('x');
  });
}

for (const [kind, flags] of Object.entries({ plain: [], workers: ['--workers', '2'], TLS: ['tls'] })) {
  test(`idle HTTP connections and silent ones do not hold a relay up (${kind})`, async (t) => {
    const { cert, key } = certificate(t);
    const isTls = flags[0] === 'tls';
    const relay = await serve(t, isTls ? ['--tls-cert', cert, '--tls-key', key] : flags);
    const silent = connect(relay.port, '127.0.0.1').on('error', () => {});
    t.after(() => silent.destroy());
    await new Promise((resolve) => silent.once('connect', resolve));
    if (!isTls) await keptConnection(t, relay);
    relay.child.kill('SIGTERM');
    assert.deepEqual(await relay.exited, { code: 0, signal: null });
    assert.doesNotMatch(relay.stdout(), /did not close their side/);
  });
}

test('a request that is under way when the relay ends is answered, and not cut', async (t) => {
  const relay = await serve(t);
  const idle = connect(relay.port, '127.0.0.1').on('error', () => {});
  t.after(() => idle.destroy());
  const upload = request({ port: relay.port, host: '127.0.0.1', path: '/publish/news', method: 'POST' });
  const status = new Promise<number | undefined>((resolve, reject) => {
    upload.on('error', reject).on('response', (answer) => resolve(answer.resume().statusCode));
  });
  upload.setHeader('Content-Length', '10');
  upload.write('half ');
  await new Promise((resolve) => setTimeout(resolve, 100)); // the relay has the first half: nothing tells
  relay.child.kill('SIGTERM');
  await relay.seen(/"msg":"closing sockets/);
  await new Promise((resolve) => setTimeout(resolve, 500));
  upload.end('whole');
  assert.equal(await status, 503);
  assert.deepEqual(await relay.exited, { code: 0, signal: null });
  assert.doesNotMatch(relay.stdout(), /did not close their side/);
});

test('after SIGINT the closes are spread over one second where --drain-ms is not given, so that pm2 (1.6 s) cuts nobody', async (t) => {
  const relay = await serve(t, [], {}, undefined, []);
  const clients = await Promise.all(Array.from({ length: 200 }, () => SocketClient.open(t, relay.url('news'))));
  relay.child.kill('SIGINT');
  const codes = await Promise.all(clients.map(async (client) => (await client.closed).code));
  assert.deepEqual(new Set(codes), new Set([1012]));
  assert.match(relay.stdout(), /"overMs":1000,/);
  assert.deepEqual(await relay.exited, { code: 0, signal: null });
});
