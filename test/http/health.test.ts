// The health check on the relay's own port.
import assert from 'node:assert/strict';
import test from 'node:test';
import { runFanwire, serve } from '../support/fanwire-process.js';
import { SocketClient } from '../support/socket-client.js';

const check = async (port: number, path: string, method = 'GET') => {
  const answer = await fetch(`http://127.0.0.1:${port}${path}`, { method });
  return { status: answer.status, body: await answer.text() };
};

test('GET and HEAD /healthz answer 200 on the port of the clients, and a topic of that name goes on working', async (t) => {
  const relay = await serve(t);
  assert.deepEqual(await check(relay.port, '/healthz'), { status: 200, body: '{"status":"ok"}\n' });
  assert.deepEqual(await check(relay.port, '/healthz', 'HEAD'), { status: 200, body: '' });
  const [one, other] = [
    await SocketClient.open(t, relay.url('healthz')),
    await SocketClient.open(t, relay.url('healthz')),
  ];
  one.socket.send('hello');
  await other.count(1);
  const posted = await fetch(`http://127.0.0.1:${relay.port}/healthz`, { method: 'POST', body: 'x' });
  assert.equal(posted.status, 405);
});

test('it says 503, and not why, while newcomers are better sent elsewhere', async (t) => {
  const relay = await serve(t, ['--max-connections', '1', '--health-path', '/alive']);
  assert.equal((await check(relay.port, '/alive')).status, 200);
  await SocketClient.open(t, relay.url('news'));
  assert.deepEqual(await check(relay.port, '/alive'), { status: 503, body: '{"status":"not ready"}\n' });
  assert.equal((await check(relay.port, '/alive', 'HEAD')).status, 503);
  assert.equal((await check(relay.port, '/healthz')).status, 426);
});

test('an empty --health-path is none, and one that cannot be is refused with exit code 2', async (t) => {
  const relay = await serve(t, ['--health-path', '']);
  assert.equal((await check(relay.port, '/healthz')).status, 426);
  for (const path of ['healthz', '/publish', '/publish/x', '/a?b', '/*', '/:id']) {
    const { code, stderr } = await runFanwire(t, ['serve', '--health-path', path]);
    assert.equal(code, 2, path);
    assert.match(stderr, /^fanwire: --health-path must begin with .*\[FANWIRE_CONFIG_CONFLICT\]\n$/);
  }
});
