// Audiences that are on no uWS topic, of batched sockets and of topics of which only the newest is delivered: many
// subscribers, single messages and bursts, small ones and ones that uWS writes without a copy.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EnvelopedClient } from '../../support/enveloped-client.js';
import { startLocalRelay } from '../../support/local-relay.js';
import { type Received, SocketClient } from '../../support/socket-client.js';

const MANY = 40;
const SIZES = [10, 16_000, 16_384, 40_000];
const times = <T>(count: number, one: () => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: count }, one));

test('forty batched subscribers hear what one that is not batched hears, in its order, and a sender all but its own', async (t) => {
  const { relay } = await startLocalRelay(t);
  const batched = await times(MANY, () => EnvelopedClient.open(t, relay.port, ['fanwire.v1', 'fanwire.batch']));
  const witness = await EnvelopedClient.open(t, relay.port);
  for (const client of [...batched, witness]) await client.ask({ op: 'sub', topic: 't' });
  const [publisher, ...readers] = batched as [EnvelopedClient, ...EnvelopedClient[]];
  let published = 0;
  const publish = (from: EnvelopedClient, size: number): void =>
    from.say({ op: 'pub', topic: 't', data: `${published++} ${'x'.repeat(size)}` });
  for (const size of SIZES) {
    for (const burst of [1, 3, 60]) {
      for (let n = 0; n < burst; n++) publish(n % 3 === 2 ? witness : publisher, size);
      await publisher.handled();
      await witness.handled();
    }
  }
  const byOthers = (await readers[0]?.messages(published)) ?? [];
  assert.equal(new Set(byOthers.map(({ data }) => data)).size, published);
  for (const reader of readers) assert.deepEqual(await reader.messages(published), byOthers);
  const heard = await witness.messages(SIZES.length * 43);
  const ofPublisher = new Set(heard.map(({ data }) => data));
  assert.deepEqual(
    heard,
    byOthers.filter(({ data }) => ofPublisher.has(data)),
  );
  assert.deepEqual(
    await publisher.messages(published - heard.length),
    byOthers.filter(({ data }) => !ofPublisher.has(data)),
  );
});

test('forty raw subscribers of a newest-only topic get the newest whatever its size, text as text and bytes as bytes', async (t) => {
  const { relay, url } = await startLocalRelay(t, { deliver: 'state=1ms,latest' });
  const readers = await times(MANY, () => SocketClient.open(t, `${url}/state`));
  const enveloped = await EnvelopedClient.open(t, relay.port);
  await enveloped.ask({ op: 'sub', topic: 'state' });
  const publisher = await SocketClient.open(t, `${url}/state`);
  for (const size of SIZES) {
    for (const isBinary of [true, false]) {
      const newest = Buffer.alloc(size, isBinary ? 'b' : 't');
      for (const state of [Buffer.from('replaced'), newest]) publisher.socket.send(state, { binary: isBinary });
      for (const reader of readers) await reader.until(endsWith(newest, isBinary));
    }
  }
  assert.deepEqual(publisher.received, [], 'a sender hears nothing of its own');
  await enveloped.until(
    (heard) => heard.some((said) => said.op === 'msg' && said.data === 't'.repeat(40_000)) || undefined,
  );
  assert.equal(relay.counters.slowConsumers, 0);
});

function endsWith(newest: Buffer, isBinary: boolean) {
  return (received: readonly Received[]): boolean => {
    const last = received.at(-1);
    return last !== undefined && last.isBinary === isBinary && last.payload.equals(newest);
  };
}
