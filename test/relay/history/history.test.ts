// History over the wire: positions, replays, and each reason for which there is none, with publishers of every kind.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ServerOp } from '../../../src/protocol/ops.js';
import type { RelayStats } from '../../../src/relay/watch/stats.js';
import { EnvelopedClient } from '../../support/enveloped-client.js';
import { serve } from '../../support/fanwire-process.js';
import { SocketClient } from '../../support/socket-client.js';

type Ok = Extract<ServerOp, { op: 'ok' }>;

test('what raw sockets, HTTP and enveloped sockets published is replayed in one order, whether or not anybody listened', async (t) => {
  const relay = await serve(t, ['--history', 'room=100,1m,1m']);
  const client = await EnvelopedClient.open(t, relay.port);
  const first = (await client.ask({ op: 'sub', topic: 'room' })) as Ok;
  assert.equal(first.seq, 0);
  await client.ask({ op: 'unsub', topic: 'room' });
  const post = (body: string | Buffer, type: string) =>
    fetch(`http://127.0.0.1:${relay.port}/publish/room`, { method: 'POST', body, headers: { 'Content-Type': type } });
  assert.equal((await post('by HTTP to nobody', 'text/plain')).status, 202);
  const raw = await SocketClient.open(t, relay.url('room'));
  raw.socket.send('raw text');
  raw.socket.send(Buffer.from([1, 2]));
  await raw.handled();
  assert.deepEqual(await client.ask({ op: 'pub', topic: 'room', data: { a: 1 } }), { op: 'ok', id: 'ask-3', seq: 4 });
  await post(Buffer.from([3]), 'application/octet-stream');
  const since = { epoch: first.epoch, seq: 0 };
  const answer = (await client.ask({ op: 'sub', topic: 'room', since })) as Ok;
  assert.deepEqual([answer.recovered, answer.replayed, answer.seq], [true, 5, 5]);
  await client.ask({ op: 'ping' });
  assert.deepEqual(await client.messages(5), [
    { op: 'msg', topic: 'room', data: 'by HTTP to nobody', seq: 1 },
    { op: 'msg', topic: 'room', data: 'raw text', seq: 2 },
    { op: 'msg', topic: 'room', data: 'AQI=', encoding: 'base64', seq: 3 },
    { op: 'msg', topic: 'room', data: { a: 1 }, seq: 4 },
    { op: 'msg', topic: 'room', data: 'Aw==', encoding: 'base64', seq: 5 },
  ]);
});

test('a position that cannot be replayed from gets its reason, and the live stream from there', async (t) => {
  const relay = await serve(t, ['--history', 'room=10,1m,1m']);
  const client = await EnvelopedClient.open(t, relay.port);
  const { epoch } = (await client.ask({ op: 'sub', topic: 'room' })) as Ok;
  const publisher = await EnvelopedClient.open(t, relay.port);
  for (let n = 0; n < 15; n++) publisher.say({ op: 'pub', topic: 'room', data: n });
  await publisher.handled();
  const reasonFor = async (topic: string, since: object) => {
    const answer = (await client.ask({ op: 'sub', topic, since })) as Ok;
    return answer.recovered === false ? answer.reason : answer.replayed;
  };
  assert.equal(await reasonFor('room', { epoch: 'another', seq: 15 }), 'epoch-changed');
  assert.equal(await reasonFor('room', { epoch, seq: 4 }), 'too-old');
  assert.equal(await reasonFor('room', { epoch, seq: 16 }), 'unknown-position');
  assert.equal(await reasonFor('hall', { epoch, seq: 0 }), 'no-history');
  assert.equal(await reasonFor('room', { epoch, seq: 15 }), 0);
  const heardBefore = client.heard.length;
  assert.equal(await reasonFor('room', { epoch, seq: 5 }), 10);
  publisher.say({ op: 'pub', topic: 'room', data: 'live' });
  await client.until((heard) => heard.find((said) => said.op === 'msg' && said.data === 'live'));
  const replayed = client.heard.slice(heardBefore).flatMap((said) => (said.op === 'msg' ? [said.seq] : []));
  assert.deepEqual(replayed, [6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]);
  const [, adminPort] = await relay.seen(/"adminPort":(\d+),[^\n]*"msg":"admin on/);
  const { total } = (await (await fetch(`http://127.0.0.1:${adminPort}/stats`)).json()) as { total: RelayStats };
  assert.deepEqual(total.recoveries, { recovered: 2, noHistory: 1, epochChanged: 1, tooOld: 1, unknownPosition: 1 });
  assert.deepEqual([total.replayed, total.history.topics, total.history.messages], [10, 1, 10]);
});

test('a long replay and a flood of live messages meet without a gap or a repeat, for many sockets at once', async (t) => {
  const relay = await serve(t, ['--history', 'room=100000,1m,100m']);
  const publisher = await EnvelopedClient.open(t, relay.port);
  const { epoch } = (await publisher.ask({ op: 'sub', topic: 'room' })) as Ok;
  let published = 0;
  const flood = (count: number): void => {
    for (let n = 0; n < count; n++) publisher.say({ op: 'pub', topic: 'room', data: ++published });
  };
  flood(5000);
  await publisher.handled();
  const clients = await Promise.all(Array.from({ length: 20 }, () => EnvelopedClient.open(t, relay.port)));
  clients.forEach((client, n) => {
    client.say({ op: 'sub', topic: 'room', since: { epoch, seq: n * 250 } });
    flood(100);
  });
  flood(3000);
  await publisher.handled();
  for (const [n, client] of clients.entries()) {
    const messages = await client.messages(published - n * 250);
    assert.deepEqual(
      messages.map(({ data }) => data),
      Array.from({ length: published - n * 250 }, (_, i) => n * 250 + i + 1),
    );
  }
});
