// Limits at the relay, with real sockets: who is refused, with what to come back by, and that places are given back.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { test } from 'node:test';
import { closeCode, open, refusalOf, startLocalRelay, until } from '../../support/local-relay.js';

const from = (address: string) => ({ headers: { 'x-forwarded-for': `forged, ${address}` } });

test('one address is refused with 429 beyond its connections, others are not, and a close makes room', {
  timeout: 60_000,
}, async (t) => {
  const { url, relay } = await startLocalRelay(t, { maxConnectionsPerIp: 2, trustProxy: ['loopback'] });
  const first = await open(`${url}/room`, from('2001:db8::1'));
  await open(`${url}/room`, from('2001:db8::2'));
  const { status, code, headers } = await refusalOf(`${url}/room`, from('2001:db8::3'));
  assert.deepEqual([status, code], [429, 'FANWIRE_ADDRESS_FULL']);
  assert.ok(Number(headers['retry-after']) > 0);
  await open(`${url}/room`, from('2001:db8:0:1::1'));
  await open(`${url}/room`, from('192.0.2.1'));
  first.close();
  await until(() => relay.connections.size === 3);
  await open(`${url}/room`, from('2001:db8::4'));
});

test('beyond all connections, and beyond the handshake rate, upgrades are refused with 503 and Retry-After', {
  timeout: 60_000,
}, async (t) => {
  const full = await startLocalRelay(t, { maxConnections: 1 });
  const only = await open(`${full.url}/room`);
  const busy = await startLocalRelay(t, { handshakeRate: 1 });
  // Together: a machine that is slow over them one by one would have a new second for the next.
  const crowd = await Promise.allSettled(Array.from({ length: 10 }, () => refusalOf(`${busy.url}/room`)));
  const [turnedAway] = crowd.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
  assert.ok(turnedAway);
  const refusals = [await refusalOf(`${full.url}/room`), turnedAway];
  assert.deepEqual(
    refusals.map(({ status, code }) => [status, code]),
    [
      [503, 'FANWIRE_MAX_CONNECTIONS'],
      [503, 'FANWIRE_HANDSHAKE_RATE'],
    ],
  );
  for (const { headers } of refusals) assert.ok(Number(headers['retry-after']) > 0);
  only.terminate();
  await until(() => full.relay.connections.size === 0);
  await open(`${full.url}/room`);
});

test('a topic too many is refused, a topic that exists is not, and an empty topic makes room', {
  timeout: 60_000,
}, async (t) => {
  const { url, relay } = await startLocalRelay(t, { maxTopics: 1 });
  const first = await open(`${url}/one`);
  await open(`${url}/one`);
  assert.equal((await refusalOf(`${url}/two`)).code, 'FANWIRE_TOO_MANY_TOPICS');
  for (const { ws } of relay.connections.values()) ws?.end(1000, new Uint8Array());
  await closeCode(first);
  await open(`${url}/two`);
});

for (const [limit, given] of [
  ['messages', { maxPublishRate: 5 }],
  ['bytes', { maxPublishBytesPerSecond: 500 }],
] as const) {
  test(`a publisher over its ${limit} a second is closed with 1008, having been heard up to the limit`, {
    timeout: 60_000,
  }, async (t) => {
    const { url, relay } = await startLocalRelay(t, given);
    const reader = await open(`${url}/room`);
    const heard: string[] = [];
    reader.on('message', (message) => heard.push(String(message)));
    const flooder = await open(`${url}/room`);
    const sent = Array.from({ length: 100 }, (_, index) => String(index).padEnd(100));
    for (const message of sent) flooder.send(message);
    assert.equal(await closeCode(flooder), 1008);
    await until(() => heard.length >= 5);
    assert.deepEqual(heard, sent.slice(0, heard.length));
    assert.ok(heard.length < 100);
    assert.ok(relay.counters.rejected.rate >= 1);
    assert.equal(relay.counters.cut.rate, 1);
  });
}

test('with drop, a publisher over its rate stays, and every message is either heard or counted as rejected', {
  timeout: 60_000,
}, async (t) => {
  const { url, relay } = await startLocalRelay(t, { maxPublishRate: 10, overPublishLimit: 'drop' });
  const reader = await open(`${url}/room`);
  let heard = 0;
  reader.on('message', () => heard++);
  const flooder = await open(`${url}/room`);
  for (let i = 0; i < 200; i++) flooder.send(String(i));
  flooder.ping();
  await once(flooder, 'pong');
  await until(() => heard === relay.counters.published);
  assert.ok(heard >= 10 && heard < 200);
  assert.equal(heard + relay.counters.rejected.rate, 200);
  assert.equal(flooder.readyState, flooder.OPEN);
});

test("a proxy that adds its own X-Forwarded-For line after the client's is the one believed", {
  timeout: 60_000,
}, async (t) => {
  for (const trustProxy of [['1'], ['loopback']]) {
    const { relay } = await startLocalRelay(t, { trustProxy });
    const socket = connect(relay.port, '127.0.0.1');
    t.after(() => socket.destroy());
    socket.write(
      'GET /room HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 192.0.2.66\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
        'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nX-Forwarded-For: 198.51.100.1\r\n\r\n',
    );
    await once(socket, 'data');
    assert.deepEqual(
      [...relay.connections.values()].map((each) => each.remoteAddress),
      ['198.51.100.1'],
    );
  }
});

test('behind a PROXY v2 balancer connections count by the address in its header', { timeout: 60_000 }, async (t) => {
  const { relay } = await startLocalRelay(t, { maxConnectionsPerIp: 1, trustProxy: ['proxy-protocol', 'loopback'] });
  const upgradeFrom = async (lastByte: number): Promise<string> => {
    const socket = connect(relay.port, '127.0.0.1');
    t.after(() => socket.destroy());
    const signature = '0d0a0d0a000d0a515549540a';
    const addresses = `c00002${lastByte.toString(16).padStart(2, '0')}7f00000110e11f90`;
    socket.write(Buffer.from(`${signature}2111000c${addresses}`, 'hex'));
    socket.write(
      'GET /room HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n' +
        'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n',
    );
    const [answer] = (await once(socket, 'data')) as [Buffer];
    return answer.toString().slice(9, 12);
  };
  assert.deepEqual([await upgradeFrom(1), await upgradeFrom(1), await upgradeFrom(2)], ['101', '429', '101']);
  assert.deepEqual(
    new Set([...relay.connections.values()].map((each) => each.remoteAddress)),
    new Set(['192.0.2.1', '192.0.2.2']),
  );
});
