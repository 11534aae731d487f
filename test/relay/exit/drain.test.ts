// The end of a relay: sockets are told over a span of time, readers get what they are owed, nothing new comes in.
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import test from 'node:test';
import { serve } from '../../support/fanwire-process.js';
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
  await assert.rejects(SocketClient.open(t, relay.url('drain')), /ECONNREFUSED/);
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
