// The bus over NATS by itself: what it counts when NATS is away or stalls, and what churn costs NATS.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { pino } from 'pino';
import { FanwireError } from '../../src/base/error.js';
import { CrossingKind } from '../../src/bus/bus.js';
import { NatsBus } from '../../src/bus/nats.js';
import { certificate } from '../support/certificate.js';
import { configWith } from '../support/config-with.js';
import { NatsServer } from '../support/nats-server.js';
import { testNeeding } from '../support/needs.js';

const test = testNeeding('nats-server');

type Config = Parameters<typeof configWith>[0];

async function bus(t: TestContext, nats: NatsServer, config: Config = {}): Promise<NatsBus> {
  const opened = await NatsBus.open({
    config: configWith({ cluster: [nats.url], ...config }),
    log: pino({ level: 'silent' }),
    name: 'test',
  });
  t.after(() => opened.close());
  return opened;
}

/** Resolves when `check` holds: for what no event tells. */
async function until(check: () => boolean): Promise<void> {
  while (!check()) await new Promise((resolve) => setTimeout(resolve, 5));
}

test('a topic that comes and goes a hundred times is one subscription at NATS, given up some time after the last', async (t) => {
  const nats = await NatsServer.start(t);
  const churned = await bus(t, nats);
  const before = (await nats.ask('/subsz')) as { num_inserts: number; num_removes: number };
  for (let i = 0; i < 100; i++) {
    churned.subscribe('news');
    churned.unsubscribe('news');
  }
  await nats.subscribed('fanwire.news.*', 1);
  assert.equal(churned.subscribedTopics, 1);
  const after = (await nats.ask('/subsz')) as { num_inserts: number; num_removes: number };
  assert.deepEqual([after.num_inserts - before.num_inserts, after.num_removes - before.num_removes], [1, 0]);
  await nats.subscribed('fanwire.news.*', 0);
  assert.equal(churned.subscribedTopics, 0);
});

test('what a stalled NATS does not take stays within bounds: the rest is counted, and all that was taken arrives', async (t) => {
  const nats = await NatsServer.start(t);
  const [here, there] = await Promise.all([bus(t, nats), bus(t, nats)]);
  let received = 0;
  there.start(() => received++);
  there.subscribe('news');
  await nats.subscribed('fanwire.news.*', 1);
  await nats.freeze();
  const message = Buffer.alloc(64 * 1024);
  const sent = 1000;
  for (let i = 0; i < sent; i++) here.forward('news', message, CrossingKind.binary);
  const { forwarded, lost } = here.status();
  assert.equal(forwarded + lost, sent);
  assert.ok(lost > sent / 2, `${lost} of 64 MB lost`);
  assert.ok(forwarded * message.length < 20_000_000);
  nats.thaw();
  await until(() => received === forwarded);
  // With the backlog gone, messages pass again.
  await until(() => {
    here.forward('news', message, CrossingKind.binary);
    return here.status().forwarded > forwarded;
  });
});

test('what was published to a NATS that is gone counts as lost, what it had not confirmed as unconfirmed', async (t) => {
  const nats = await NatsServer.start(t);
  const here = await bus(t, nats);
  here.start(() => {});
  await nats.freeze();
  for (let i = 0; i < 10; i++) here.forward('news', Buffer.from('never taken'), CrossingKind.text);
  await nats.kill();
  await until(() => !here.status().connected);
  for (let i = 0; i < 5; i++) here.forward('news', Buffer.from('nobody there'), CrossingKind.text);
  const { unconfirmed, lost } = here.status();
  assert.deepEqual({ unconfirmed, lost }, { unconfirmed: 10, lost: 5 });
  await nats.start();
  await until(() => here.status().connected);
  assert.equal(here.status().reconnects, 1);
});

test('a connection that its client gives up is dialled anew, with the subscriptions made meanwhile', async (t) => {
  const nats = await NatsServer.start(t);
  const [here, there] = await Promise.all([bus(t, nats), bus(t, nats)]);
  const got: string[] = [];
  there.start((topic) => got.push(topic));
  there.subscribe('before');
  await nats.subscribed('fanwire.before.*', 1);
  // What the client does when a server keeps refusing it; there is no way to have one do so on purpose.
  await (there as unknown as { nats: { close(): Promise<void> } }).nats.close();
  there.subscribe('meanwhile');
  await Promise.all(['before', 'meanwhile'].map((topic) => nats.subscribed(`fanwire.${topic}.*`, 1)));
  for (const topic of ['before', 'meanwhile']) here.forward(topic, Buffer.from('x'), CrossingKind.text);
  await until(() => got.length === 2);
  assert.deepEqual(got, ['before', 'meanwhile']);
});

test('a message larger than max_payload of NATS is counted, and does not break the connection', async (t) => {
  const nats = await NatsServer.start(t);
  const [here, there] = await Promise.all([bus(t, nats), bus(t, nats)]);
  const got: string[] = [];
  there.start((_topic, message) => got.push(Buffer.from(message).toString()));
  there.subscribe('news');
  await nats.subscribed('fanwire.news.*', 1);
  here.forward('news', Buffer.alloc(2 * 1024 * 1024), CrossingKind.binary);
  here.forward('news', Buffer.from('next'), CrossingKind.text);
  await until(() => got.length > 0);
  assert.deepEqual(got, ['next']);
  assert.equal(here.status().lost, 1);
});

test('clusters with different prefixes share a NATS and hear nothing of each other', async (t) => {
  const nats = await NatsServer.start(t);
  const [here, same, other] = await Promise.all([
    bus(t, nats, { clusterPrefix: 'eu.blue' }),
    bus(t, nats, { clusterPrefix: 'eu.blue' }),
    bus(t, nats, { clusterPrefix: 'eu.green' }),
  ]);
  other.start(() => assert.fail('heard another cluster'));
  const arrived = new Promise<string>((resolve) => {
    same.start((topic) => resolve(topic));
  });
  for (const one of [same, other]) one.subscribe('news');
  await Promise.all([nats.subscribed('eu.blue.news.*', 1), nats.subscribed('eu.green.news.*', 1)]);
  here.forward('news', Buffer.from('x'), CrossingKind.text);
  assert.equal(await arrived, 'news');
});

test('NATS over TLS with client certificates is joined with --cluster-ca, --cluster-cert and --cluster-key', async (t) => {
  const { cert, key, folder } = certificate(t);
  const nats = await NatsServer.start(t, ['--tlsverify', '--tlscert', cert, '--tlskey', key, '--tlscacert', cert]);
  const joined = await bus(t, nats, { clusterCa: cert, clusterCert: cert, clusterKey: key });
  assert.equal(joined.status().connected, true);
  await assert.rejects(
    bus(t, nats, { clusterCa: join(folder, 'missing.pem') }),
    (error) =>
      error instanceof FanwireError && error.code === 'FANWIRE_CONFIG_FILE' && /missing\.pem/.test(error.message),
  );
});
