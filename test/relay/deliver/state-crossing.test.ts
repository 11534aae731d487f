// A state of which only the newest is delivered, over worker threads and over two nodes with a real NATS: a window's
// worth of replaced messages does not travel, and every subscriber ends with the newest.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { EnvelopedClient } from '../../support/enveloped-client.js';
import { type ServeProcess, serve } from '../../support/fanwire-process.js';
import { NatsServer } from '../../support/nats-server.js';
import { SocketClient } from '../../support/socket-client.js';

/** Long beside what a slow machine takes for all that is published, short beside a test's patience. */
const RULES = ['--state', 'state/*', '--deliver', 'state/*=1s,latest-by-key:='];
const UPDATES = 2000;
/** What may cross of them: three keys, a few windows, a few threads. */
const FEW = 100;

/** Publishes to nodes[0], with a reader of each kind at every node, until all have the newest of both keys. */
async function play(t: TestContext, nodes: readonly ServeProcess[]): Promise<void> {
  const raws: SocketClient[] = [];
  const envelopeds: EnvelopedClient[] = [];
  // More than one of each, so that with workers they are in several threads.
  for (const node of [...nodes, ...nodes, ...nodes]) {
    raws.push(await SocketClient.open(t, node.url('state/t')));
    const enveloped = await EnvelopedClient.open(t, node.port);
    await enveloped.ask({ op: 'sub', topic: 'state/t' });
    envelopeds.push(enveloped);
  }
  const publisher = await SocketClient.open(t, (nodes[0] as ServeProcess).url('state/t'));
  const other = await EnvelopedClient.open(t, (nodes[0] as ServeProcess).port);
  for (let n = 1; n <= UPDATES; n++) other.say({ op: 'pub', topic: 'state/t', key: 'third', data: n });
  await other.handled();
  for (let n = 1; n <= UPDATES; n++) publisher.socket.send(`${n % 2 === 0 ? 'even' : 'odd'}=${n}`);
  const last = [`odd=${UPDATES - 1}`, `even=${UPDATES}`];
  for (const raw of raws) {
    await raw.until((received) => last.every((text) => received.some(({ payload }) => payload.toString() === text)));
    assert.ok(raw.texts.length < FEW, `${raw.texts.length} deliveries`);
  }
  for (const enveloped of envelopeds) {
    for (const newest of [UPDATES, ...last]) {
      await enveloped.until((heard) => heard.some((said) => said.op === 'msg' && said.data === newest) || undefined);
    }
  }
}

test('over worker threads only the newest crosses, to the owner and from it', async (t) => {
  const relay = await serve(t, [...RULES, '--workers', '3']);
  await play(t, [relay]);
  const metrics = await (await fetch(`http://127.0.0.1:${relay.adminPort}/metrics`)).text();
  const forwarded = Number(/^fanwire_messages_forwarded_total(?:{[^}]*})? (\d+)$/m.exec(metrics)?.[1]);
  assert.ok(forwarded < FEW, `${forwarded} records crossed for ${UPDATES} updates`);
});

test('over two nodes only the newest reaches the stream', async (t) => {
  const nats = await NatsServer.startJetStream(t);
  const node = (): Promise<ServeProcess> => serve(t, [...RULES, '--cluster', nats.url]);
  await play(t, [await node(), await node()]);
  const connection = await connect({ servers: nats.url });
  t.after(() => connection.close());
  const streams = await (await jetstreamManager(connection)).streams.list().next();
  const published = streams.reduce((sum, { state }) => sum + state.last_seq, 0);
  assert.ok(published >= 2 && published < FEW, `the stream took ${published} messages for ${UPDATES} updates`);
});
