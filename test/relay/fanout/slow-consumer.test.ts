// Slow consumers: closed or dropping, each loss counted, and nobody else touched.
import assert from 'node:assert/strict';
import type { AddressInfo } from 'node:net';
import { connect, createServer, type Socket } from 'node:net';
import test, { type TestContext } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { createLogger } from '../../../src/base/log.js';
import type { RelayConfig } from '../../../src/config/schema.js';
import { type Relay, startRelay } from '../../../src/relay/relay.js';
import { configWith } from '../../support/config-with.js';
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
