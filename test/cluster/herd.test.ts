// Thousands that want something of NATS at once: the work is bounded and shared, everybody is answered, and nobody is
// told of errors.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EnvelopedClient } from '../support/enveloped-client.js';
import { serve } from '../support/fanwire-process.js';
import { clientOf, Listener } from '../support/listener.js';
import { NatsServer } from '../support/nats-server.js';

const TOPICS = 1500;
const KEPT = 3;
const names = Array.from({ length: TOPICS }, (_, n) => `herd/${n}`);

interface JetStreamFigures {
  readonly consumers: number;
  readonly api: { readonly total: number; readonly errors: number };
}

/** Publishes one message to each topic, and waits for all answers. */
async function publishAll(client: EnvelopedClient, data: string): Promise<void> {
  const from = client.heard.length;
  for (const topic of names) client.say({ op: 'pub', topic, data, id: topic });
  await client.until((heard) => heard.slice(from).filter(({ op }) => op === 'ok').length >= TOPICS || undefined);
}

test('1,500 topics read from JetStream at once, by two workers and again after NATS restarted, cost a bounded number of requests and no error', async (t) => {
  const nats = await NatsServer.startJetStream(t);
  const flags = ['--cluster', nats.url, '--history', 'herd/*=10,10m,64k', '--max-topics-per-connection', '0'];
  const relay = await serve(t, [...flags, '--workers', '2']);
  const publisher = await EnvelopedClient.open(t, relay.port);
  for (let n = 0; n < KEPT; n++) await publishAll(publisher, `message ${n}`);
  const before = ((await nats.ask('/jsz')) as JetStreamFigures).api.total;
  // Sockets are spread over the workers by the kernel: of six some are likely to be on either.
  const clients = Array.from({ length: 6 }, () => clientOf(t, relay.port));
  const listeners = clients.flatMap((client) => names.map((name) => new Listener(client, name)));
  await Promise.all(listeners.map(({ ready }) => ready));
  const figures = (await nats.ask('/jsz')) as JetStreamFigures;
  // NATS does not count requests for a single message; the others were 22 a topic before.
  assert.ok(figures.api.total - before < TOPICS / 5, `${figures.api.total - before} requests`);
  assert.equal(figures.api.errors, 0);

  await nats.kill();
  await relay.seen(/NATS is away/);
  await nats.start();
  const ready = async (): Promise<boolean> => (await fetch(`http://127.0.0.1:${relay.adminPort}/readyz`)).ok;
  while (!(await ready())) await new Promise((resolve) => setTimeout(resolve, 10));
  await publishAll(publisher, 'after');
  await Promise.all(listeners.map((listener) => listener.has(1)));
  for (const { received, gaps } of listeners) {
    assert.deepEqual(received, ['after'], 'once each');
    assert.deepEqual(gaps, []);
  }
  const warned = relay.stderr() + relay.stdout();
  assert.doesNotMatch(warned, /history cannot be read|history: a publish was not confirmed/);
});

test('what is kept of one topic is whole, whether it is read alone, with many others, or is too long for single requests', async (t) => {
  const nats = await NatsServer.startJetStream(t);
  const flags = ['--cluster', nats.url, '--history', '*=40,10m,64k', '--max-topics-per-connection', '0'];
  const [here, there] = await Promise.all([serve(t, flags), serve(t, flags)]);
  const publisher = await EnvelopedClient.open(t, here.port);
  const counts = { none: 0, one: 1, some: 7, many: 30, over: 60 };
  const seqs = new Map<string, number[]>();
  for (const [topic, count] of Object.entries(counts)) {
    const all: number[] = [];
    for (let n = 0; n < count; n++) {
      const answer = await publisher.ask({ op: 'pub', topic, data: n });
      assert.ok(answer.op === 'ok');
      all.push(answer.seq ?? 0);
    }
    seqs.set(topic, all);
  }
  const replayed = async (client: EnvelopedClient, topic: string, since: object): Promise<unknown[]> => {
    const from = client.heard.length;
    const answer = await client.ask({ op: 'sub', topic, since });
    assert.ok(answer.op === 'ok' && answer.recovered, `${topic}: ${JSON.stringify(answer)}`);
    return client.until((heard) => {
      const data = heard.slice(from).flatMap((said) => (said.op === 'msg' && said.topic === topic ? [said.data] : []));
      return data.length >= (answer.replayed ?? 0) ? data : undefined;
    });
  };
  const epochOf = async (topic: string): Promise<string> => {
    const answer = await publisher.ask({ op: 'sub', topic });
    return (answer.op === 'ok' && answer.epoch) || '';
  };
  const alone = await EnvelopedClient.open(t, there.port);
  const among = await EnvelopedClient.open(t, there.port);
  for (const [topic, count] of Object.entries(counts)) {
    const kept = Math.min(count, 40);
    const expected = Array.from({ length: kept }, (_, n) => count - kept + n);
    const all = seqs.get(topic) as number[];
    // From just before the oldest that is kept.
    const since = { epoch: await epochOf(topic), seq: kept === count ? 0 : (all[count - kept - 1] as number) };
    assert.deepEqual(await replayed(alone, topic, since), expected, topic);
    await alone.ask({ op: 'unsub', topic });
    for (let n = 0; n < 300; n++) among.say({ op: 'sub', topic: `crowd/${topic}/${n}` });
    assert.deepEqual(await replayed(among, topic, since), expected, `${topic} in a crowd`);
  }
});
