// Clients that take several ops in one frame: what they end with is what a client that gets an op a frame ends with, in
// fewer frames.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import fc from 'fast-check';
import { msgFrame, msgHead } from '../../../src/protocol/frames.js';
import type { ServerOp } from '../../../src/protocol/ops.js';
import type { Connection } from '../../../src/relay/fanout/audience.js';
import { Batch } from '../../../src/relay/fanout/batch.js';
import { BatchFrame } from '../../../src/relay/fanout/batch-frame.js';
import { EnvelopedClient, opsIn } from '../../support/enveloped-client.js';
import { open, startLocalRelay } from '../../support/local-relay.js';

const BATCHED = ['fanwire.v1', 'fanwire.batch'];
const MODES = { batched: BATCHED, single: ['fanwire.v1'] };

/** Has a client say several ops in one write, so that the relay reads them at once. */
function together({ socket }: EnvelopedClient, say: () => void): void {
  const { _socket: connection } = socket as unknown as { _socket: { cork(): void; uncork(): void } };
  connection.cork();
  say();
  connection.uncork();
}

const messagesOf = (heard: readonly ServerOp[], topic: string): ServerOp[] =>
  heard.filter((said) => said.op === 'msg' && said.topic === topic);

test('a frame of several messages says each of them, and to a sender all but its own', () => {
  const head = msgHead('a "topic" of ünusual name');
  const message = fc.record({ sender: fc.nat(3), data: fc.json({ maxDepth: 1 }), seq: fc.nat(2) });
  const frame = new BatchFrame();
  fc.assert(
    fc.property(fc.array(message, { minLength: 1, maxLength: 30, size: 'max' }), fc.nat(5), (messages, before) => {
      const senders = Array.from({ length: 4 }, () => ({}) as Connection);
      const batch = new Batch<Connection>();
      const wire = messages.map(({ data, seq }) => msgFrame(head, data, seq, undefined));
      for (const [i, { sender }] of messages.entries()) {
        batch.add(Buffer.from(wire[i] as string), false, sender === 0 ? undefined : senders[sender]);
      }
      const from = Math.min(before, messages.length - 1);
      frame.make(batch, from, messages.length, Buffer.from(head));
      for (const [who, connection] of senders.entries()) {
        const due = wire.filter((_, i) => i >= from && (who === 0 || messages[i]?.sender !== who));
        const got = frame.for(connection);
        assert.deepEqual(
          got === undefined ? [] : opsIn(Buffer.from(got)),
          due.map((text) => JSON.parse(text)),
        );
      }
    }),
    { numRuns: 500 },
  );
});

test('a burst reaches each subscriber in a few frames, an old client in a frame a message', async (t) => {
  const { relay } = await startLocalRelay(t);
  const [batched, single, publisher] = await Promise.all([
    EnvelopedClient.open(t, relay.port, BATCHED),
    EnvelopedClient.open(t, relay.port),
    EnvelopedClient.open(t, relay.port, BATCHED),
  ]);
  for (const client of [batched, single, publisher]) await client.ask({ op: 'sub', topic: 't' });
  const burst = Array.from({ length: 200 }, (_, n) => n);
  for (let round = 1; round <= 2; round++) {
    batched.frames = single.frames = publisher.frames = 0;
    together(publisher, () => {
      for (const n of burst) publisher.say({ op: 'pub', topic: 't', data: n });
    });
    await Promise.all([batched.messages(round * 200), single.messages(round * 200)]);
  }
  assert.deepEqual(messagesOf(batched.heard, 't'), messagesOf(single.heard, 't'));
  assert.deepEqual(
    messagesOf(batched.heard, 't').map((said) => 'data' in said && said.data),
    [...burst, ...burst],
  );
  // The second burst: the relay may read what was written in one go in a few.
  assert.equal(single.frames, 200);
  assert.ok(batched.frames <= 8, `${batched.frames} frames`);
  await publisher.handled();
  assert.equal(publisher.frames, 1, 'a sender hears nothing of its own');
});

const TOPICS = ['plain', 'kept', 'window', 'newest'] as const;
type TopicName = (typeof TOPICS)[number];

const step = fc.record({
  who: fc.constantFrom('batched' as const, 'single' as const, 'raw' as const, 'silent' as const),
  topic: fc.constantFrom(...TOPICS),
  burst: fc.oneof(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 90 })),
  size: fc.constantFrom(0, 40, 20_000),
  key: fc.integer({ min: 0, max: 3 }),
  isAwaited: fc.boolean(),
});

test('batched and unbatched clients of one topic end the same, whoever publishes and however it is delivered', async (t) => {
  const { relay, url } = await startLocalRelay(t, {
    history: 'kept=100000,10m,100m',
    deliver: 'window=5ms;newest=5ms,latest-by-key',
    presence: ['plain'],
    maxBackpressureBytes: 64 << 20,
  });
  const subscribed = async (t: TestContext, mode: keyof typeof MODES): Promise<EnvelopedClient> => {
    const client = await EnvelopedClient.open(t, relay.port, MODES[mode]);
    for (const topic of TOPICS) await client.ask({ op: 'sub', topic });
    return client;
  };
  const readers = { batched: await subscribed(t, 'batched'), single: await subscribed(t, 'single') };
  const senders = { batched: await subscribed(t, 'batched'), single: await subscribed(t, 'single') };
  const silent = await EnvelopedClient.open(t, relay.port);
  let next = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 25, size: 'max' }), async (steps) => {
      const clients = [readers.batched, readers.single, senders.batched, senders.single];
      for (const client of clients) client.heard.length = 0;
      const raw = new Map<TopicName, Awaited<ReturnType<typeof open>>>();
      const sent: { who: string; topic: string; data: string }[] = [];
      for (const { who, topic, burst, size, key, isAwaited } of steps) {
        const bodies = Array.from({ length: burst }, () => `${who} ${next++} ${'x'.repeat(burst > 30 ? 40 : size)}`);
        for (const data of bodies) sent.push({ who, topic, data });
        if (who === 'raw') {
          const socket = raw.get(topic) ?? (await open(`${url}/${topic}`));
          raw.set(topic, socket);
          for (const data of bodies) socket.send(data);
        } else {
          const client = who === 'silent' ? silent : senders[who];
          together(client, () => {
            for (const data of bodies) client.say({ op: 'pub', topic, data, key: `${key}` });
          });
          if (isAwaited) await client.handled();
        }
      }
      for (const client of [senders.batched, senders.single, silent]) await client.handled();
      for (const socket of raw.values()) {
        await new Promise((resolve) => socket.once('pong', resolve).ping());
        socket.close();
      }
      // A message of nobody's key to each topic, behind all others.
      for (const topic of TOPICS) await silent.ask({ op: 'pub', topic, data: 'end', key: `end ${next++}` });
      const atEnd = (heard: readonly ServerOp[]): true | undefined =>
        TOPICS.every((topic) => messagesOf(heard, topic).some((said) => 'data' in said && said.data === 'end')) ||
        undefined;
      await Promise.all(clients.map((client) => client.until(atEnd)));
      for (const topic of TOPICS) {
        const ofBatched = messagesOf(readers.batched.heard, topic);
        const ofSingle = messagesOf(readers.single.heard, topic);
        assert.deepEqual(ofBatched, ofSingle, `${topic}: other messages, or in another order`);
        if (topic === 'newest') continue;
        const text = (said: ServerOp): string => ('data' in said ? String(said.data) : '');
        const due = sent.filter((one) => one.topic === topic);
        assert.deepEqual(
          ofBatched.map(text).sort(),
          [...due.map(({ data }) => data), 'end'].sort(),
          `${topic}: not what was published`,
        );
        for (const who of ['batched', 'single'] as const) {
          assert.deepEqual(
            messagesOf(senders[who].heard, topic),
            ofSingle.filter((said) => !text(said).startsWith(`${who} `)),
            `${topic}: ${who} sender`,
          );
        }
      }
      assert.equal(messagesOf(readers.batched.heard, 'plain').length > 0, true);
    }),
    { numRuns: 40, endOnFailure: true },
  );
  // Who came and went: each raw publisher of `plain`, one a run at most.
  const comings = (client: EnvelopedClient): ServerOp[] =>
    client.heard.filter((said) => said.op === 'join' || said.op === 'leave');
  const last = await EnvelopedClient.open(t, relay.port);
  for (const reader of Object.values(readers)) reader.heard.length = 0;
  await last.ask({ op: 'sub', topic: 'plain' });
  last.socket.close();
  const other = await EnvelopedClient.open(t, relay.port);
  await other.ask({ op: 'sub', topic: 'plain' });
  const names = async (client: EnvelopedClient): Promise<ServerOp[]> =>
    client.until((heard) => (comings(client).length > 0 && heard.length > 0 ? comings(client) : undefined));
  const [a, b] = await Promise.all([names(readers.batched), names(readers.single)]);
  assert.deepEqual(a[0], b[0]);
});

test('a batched client that reads too slowly is told to the message how many it missed', async (t) => {
  const { relay } = await startLocalRelay(t, { slowConsumer: 'drop', maxBackpressureBytes: 64 * 1024 });
  const slow = await EnvelopedClient.open(t, relay.port, BATCHED);
  const [publisher, witness] = [
    await EnvelopedClient.open(t, relay.port),
    await EnvelopedClient.open(t, relay.port, BATCHED),
  ];
  for (const client of [slow, witness]) await client.ask({ op: 'sub', topic: 't' });
  slow.socket.pause();
  let published = 0;
  const data = 'x'.repeat(2000);
  while (relay.counters.slowConsumers === 0) {
    together(publisher, () => {
      for (let n = 0; n < 40; n++, published++) publisher.say({ op: 'pub', topic: 't', data });
    });
    await publisher.handled();
    await witness.messages(published);
  }
  // What comes alone goes out on a path of its own.
  for (let n = 0; n < 20; n++) await publisher.ask({ op: 'pub', topic: 't', data: published++ });
  slow.socket.resume();
  const lost = await slow.until((heard) => heard.find((said) => said.op === 'lost'));
  assert.ok('count' in lost);
  await publisher.ask({ op: 'pub', topic: 't', data: 'end' });
  await slow.until((heard) => heard.find((said) => 'data' in said && said.data === 'end'));
  assert.equal(messagesOf(slow.heard, 't').length + Number(lost.count), published + 1);
});

test('what is replayed to a batched client comes in few frames, in order', async (t) => {
  const { relay } = await startLocalRelay(t, { history: 't=1000,10m,1m' });
  const publisher = await EnvelopedClient.open(t, relay.port);
  for (let n = 0; n < 300; n++) await publisher.ask({ op: 'pub', topic: 't', data: n });
  const client = await EnvelopedClient.open(t, relay.port, BATCHED);
  client.frames = 0;
  await client.ask({ op: 'sub', topic: 't', rewind: 300 });
  const replayed = await client.messages(300);
  assert.deepEqual(
    replayed.map(({ data }) => data),
    Array.from({ length: 300 }, (_, n) => n),
  );
  assert.ok(client.frames <= 6, `${client.frames} frames`);
});
