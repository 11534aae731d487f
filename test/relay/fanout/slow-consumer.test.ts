// Slow consumers: closed or dropping, each loss counted, and nobody else touched.
import assert from 'node:assert/strict';
import type { AddressInfo } from 'node:net';
import { connect, createServer, type Socket } from 'node:net';
import test, { type TestContext } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { createLogger } from '../../../src/base/log.js';
import type { RelayConfig } from '../../../src/config/schema.js';
import type { Connection } from '../../../src/relay/fanout/audience.js';
import { type Relay, startRelay } from '../../../src/relay/relay.js';
import { configWith } from '../../support/config-with.js';
import { EnvelopedClient } from '../../support/enveloped-client.js';
import { SocketClient } from '../../support/socket-client.js';

const LIMIT = 64 * 1024;
const MESSAGE = Buffer.alloc(1000, 0x2e);

async function relayWith(t: TestContext, config: Partial<RelayConfig>): Promise<Relay> {
  const log = createLogger({ logLevel: 'silent', logFormat: 'json' });
  const relay = await startRelay(configWith({ port: 0, adminPort: 0, maxBackpressureBytes: LIMIT, ...config }), log);
  t.after(() => relay.close());
  return relay;
}

/** A subscriber behind a tap: `shut` stops reading from the relay, so that the relay's side backs up; `open` goes
 *  on. */
async function tapped(
  t: TestContext,
  port: number,
  topic: string,
): Promise<{ client: SocketClient; shut(): void; open(): void }> {
  let relaySide: Socket | undefined;
  const server = createServer((clientSide) => {
    relaySide = connect(port, '127.0.0.1');
    relaySide.pipe(clientSide).pipe(relaySide);
    for (const side of [clientSide, relaySide]) side.on('error', () => side.destroy());
  }).listen(0, '127.0.0.1');
  t.after(() => {
    server.close();
    relaySide?.destroy();
  });
  const { port: tap } = await new Promise<AddressInfo>((resolve) =>
    server.once('listening', () => resolve(server.address() as AddressInfo)),
  );
  const client = await SocketClient.open(t, `ws://127.0.0.1:${tap}/${topic}`);
  return { client, shut: () => relaySide?.pause(), open: () => relaySide?.resume() };
}

/** Publishes until `enough`, a few messages a loop iteration so that the relay's sockets get their turn. */
async function flood(relay: Relay, topic: string, enough: () => boolean): Promise<number> {
  let published = 0;
  while (!enough()) {
    assert.ok(published < 100_000, 'the flood has had no effect');
    for (let i = 0; i < 50; i++) {
      const payload = Buffer.from(MESSAGE);
      payload.writeUInt32BE(published++, 0);
      relay.publish(topic, payload, true);
    }
    await turn();
  }
  return published;
}

test('close: a subscriber that stops reading is closed with 1013 after what it was owed, and the others lose nothing', async (t) => {
  const relay = await relayWith(t, { slowConsumer: 'close' });
  const [reader, slow] = await Promise.all([
    SocketClient.open(t, `ws://127.0.0.1:${relay.port}/news`),
    tapped(t, relay.port, 'news'),
  ]);
  slow.shut();
  const published = await flood(relay, 'news', () => relay.counters.slowConsumers === 1);
  await reader.count(published);
  slow.open();
  assert.deepEqual(await slow.client.closed, { code: 1013, reason: 'slow consumer' });
  const seqs = slow.client.received.map(({ payload }) => payload.readUInt32BE(0));
  assert.deepEqual(
    seqs,
    seqs.map((_, i) => i),
    'what came before the close has no gap',
  );
  assert.equal(relay.connections.size, 1);
  assert.equal(relay.topics.find('news')?.subscribers, 1);
});

test('drop: what a lagging subscriber missed is counted to the message, and it joins again when it has drained', async (t) => {
  const relay = await relayWith(t, { slowConsumer: 'drop' });
  const [reader, slow] = await Promise.all([
    SocketClient.open(t, `ws://127.0.0.1:${relay.port}/news`),
    tapped(t, relay.port, 'news'),
  ]);
  let published = 0;
  for (let round = 1; round <= 3; round++) {
    slow.shut();
    const before = published;
    const start = relay.slow.droppedMessages();
    published += await flood(relay, 'news', () => relay.slow.droppedMessages() > start + 500);
    assert.equal(relay.slow.laggingNow, 1);
    await reader.count(published);
    slow.open();
    while (relay.slow.laggingNow > 0) await turn();
    const lostThisRound = relay.slow.droppedMessages() - start;
    const marker = Buffer.alloc(8, 0xff);
    relay.publish('news', marker, true);
    published++;
    await slow.client.until((received) => received.at(-1)?.payload.equals(marker) === true);
    assert.equal(slow.client.received.length + relay.slow.droppedMessages(), published, `round ${round}`);
    assert.ok(lostThisRound < published - before);
  }
  await reader.count(published);
  const [connection] = [...relay.connections.values()].filter((one) => one.dropped > 0);
  assert.equal(connection?.dropped, relay.counters.dropped);
  assert.equal(relay.counters.delivered, reader.received.length + slow.client.received.length);
});

test('drop: a lagging subscriber is not owed its own messages, and what it missed counts when it leaves', async (t) => {
  const relay = await relayWith(t, { slowConsumer: 'drop' });
  const slow = await tapped(t, relay.port, 'own');
  slow.shut();
  await flood(relay, 'own', () => relay.slow.laggingNow === 1);
  const missed = relay.slow.droppedMessages();
  for (let i = 0; i < 10; i++) slow.client.socket.send(`own ${i}`);
  while (relay.counters.publishedBytes % 1000 !== 50) await turn();
  relay.publish('own', MESSAGE, true);
  await turn();
  assert.equal(relay.slow.droppedMessages(), missed + 1);
  slow.client.socket.terminate();
  while (relay.connections.size > 0) await turn();
  assert.equal(relay.counters.dropped, missed + 1);
  assert.equal(relay.slow.laggingNow, 0);
});

test('what a slow publisher that is losing sends still reaches the others', async (t) => {
  const relay = await relayWith(t, { slowConsumer: 'drop' });
  const slow = await tapped(t, relay.port, 'said');
  const reader = await SocketClient.open(t, `ws://127.0.0.1:${relay.port}/said`);
  slow.shut();
  await flood(relay, 'said', () => relay.slow.laggingNow === 1);
  slow.client.socket.send('heard', { binary: false });
  await reader.until((received) => received.at(-1)?.payload.toString() === 'heard');
});

const ROOM = 64 * 1024 * 1024;

const isBehind = ({ lag }: Connection): boolean => lag !== undefined && !lag.isLosing;

/** Publishes messages of wild sizes, numbered, until so many sockets are behind: before that the kernel takes all.
 *  Returns the next number. */
async function publishMixed(relay: Relay, topic: string, from: number, behind: number): Promise<number> {
  let number = from;
  let left = ROOM;
  for (; [...relay.connections.values()].filter(isBehind).length < behind; await turn()) {
    assert.ok(left > 0, 'nobody falls behind');
    for (let burst = number % 40; burst >= 0; burst--) {
      const size = number % 97 === 0 ? 20_000 + (number % 13) * 1000 : 10 + ((number * 7919) % 3000);
      relay.publish(topic, Buffer.from(`${number++} `.padEnd(size, '.')), false);
      left -= size;
    }
  }
  return number;
}

const numberOf = (text: string): number => Number(text.slice(0, text.indexOf(' ')));

for (const deliver of ['', '*=20ms']) {
  test(`sockets that stall below the limit hold little in uWS, and get all in order once: --deliver "${deliver}"`, async (t) => {
    const relay = await relayWith(t, { maxBackpressureBytes: ROOM, slowConsumer: 'close', deliver });
    const slow = await Promise.all([1, 2].map(() => tapped(t, relay.port, 'shared')));
    const reader = await SocketClient.open(t, `ws://127.0.0.1:${relay.port}/shared`);
    const raw = [reader, ...slow.map(({ client }) => client)];
    let published = 0;
    for (let round = 0; round < 2; round++) {
      for (const one of slow) one.shut();
      published = await publishMixed(relay, 'shared', published, 2);
      await reader.count(published);
      const connections = [...relay.connections.values()];
      for (const connection of connections.filter(isBehind)) {
        const inUws = connection.ws?.getBufferedAmount() ?? 0;
        assert.ok(inUws < 512 * 1024, `uWS has ${inUws} bytes`);
        assert.ok(relay.slow.unsentTo(connection) > inUws);
      }
      assert.equal(relay.counters.slowConsumers, 0);
      for (const one of slow) one.open();
      for (const client of raw) await client.count(published);
      assert.ok(connections.every(({ lag }) => lag === undefined));
    }
    const all = Array.from({ length: published }, (_, number) => number);
    for (const { received } of raw)
      assert.deepEqual(
        received.map(({ payload }) => numberOf(`${payload}`)),
        all,
      );
    const topic = relay.topics.find('shared');
    assert.equal(topic?.raw.backlog, undefined, 'nothing is kept for nobody');
    assert.equal(topic?.raw.lagging, 0);
    assert.equal(relay.counters.delivered, 3 * published);
    assert.equal(relay.slow.droppedMessages(), 0);
  });
}

for (const protocols of [['fanwire.v1'], ['fanwire.v1', 'fanwire.batch']]) {
  test(`who is behind is answered after all that was published before: ${protocols}`, async (t) => {
    const relay = await relayWith(t, {
      maxBackpressureBytes: ROOM,
      slowConsumer: 'close',
      history: 'kept=100000,1h,64m',
    });
    const client = await EnvelopedClient.open(t, relay.port, protocols);
    await client.ask({ op: 'sub', topic: 'kept' });
    await client.ask({ op: 'sub', topic: 'other' });
    client.socket.pause();
    const kept = await publishMixed(relay, 'kept', 0, 1);
    const other = 100;
    for (let n = 0; n < other; n++) relay.publish('other', Buffer.from(`${n} .`), false);
    client.say({ op: 'pub', topic: 'other', data: 'own' });
    client.say({ op: 'sub', topic: 'kept', id: 'again' });
    client.say({ op: 'unsub', topic: 'other', id: 'left' });
    while (relay.topics.find('other') !== undefined) await turn();
    const { length } = client.heard;
    client.socket.resume();
    await client.until((heard) => heard.find((said) => 'id' in said && said.id === 'left'));
    const heard = client.heard.slice(length);
    const again = heard.findIndex((said) => 'id' in said && said.id === 'again');
    for (const [topic, count] of [
      ['kept', kept],
      ['other', other],
    ] as const) {
      const end = topic === 'kept' ? again : heard.length;
      const before = heard.slice(0, end).filter((said) => said.op === 'msg' && said.topic === topic);
      assert.deepEqual(
        before.map((said) => numberOf(String('data' in said && said.data))),
        Array.from({ length: count }, (_, number) => number),
      );
    }
    assert.equal((heard[again] as { seq?: number }).seq, kept);
  });
}

test('over the limit, what was kept for a socket that was behind counts as dropped with the rest', async (t) => {
  const relay = await relayWith(t, { maxBackpressureBytes: 1024 * 1024, slowConsumer: 'drop' });
  const slow = await tapped(t, relay.port, 'much');
  slow.shut();
  let published = await flood(relay, 'much', () => relay.slow.laggingNow === 1);
  assert.equal(relay.topics.find('much')?.raw.backlog, undefined);
  slow.open();
  while (relay.slow.laggingNow > 0) await turn();
  relay.publish('much', Buffer.alloc(8, 0xff), true);
  published++;
  await slow.client.until((received) => received.at(-1)?.payload.length === 8);
  assert.equal(slow.client.received.length + relay.slow.droppedMessages(), published);
  assert.equal(relay.counters.delivered, slow.client.received.length);
});
