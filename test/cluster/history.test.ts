// History over a cluster: kept by a real NATS JetStream, so that clients recover on whatever node they come to, also
// when theirs died.
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { CuttingProxy } from '../support/cutting-proxy.js';
import { EnvelopedClient } from '../support/enveloped-client.js';
import { fanwire, type ServeProcess, serve } from '../support/fanwire-process.js';
import { clientOf, Listener } from '../support/listener.js';
import { NatsServer } from '../support/nats-server.js';
import { testNeeding } from '../support/needs.js';
import { SocketClient } from '../support/socket-client.js';

const test = testNeeding('nats-server');

const HISTORY = ['--history', 'room/*=10000,10m,10m', '--history-max-bytes', '16m'];

function node(t: TestContext, nats: NatsServer, ...args: string[]): Promise<ServeProcess> {
  return serve(t, ['--cluster', nats.url, ...HISTORY, ...args]);
}

async function survivesNodes(t: TestContext, ...args: string[]): Promise<void> {
  const nats = await NatsServer.startJetStream(t);
  const nodes = [await node(t, nats, ...args), await node(t, nats, ...args)];
  const port = (index: number): number => (nodes[index] as ServeProcess).port;
  let target = 0;
  const proxy = await CuttingProxy.start(t, () => port(target));
  // Those in the first half move from node to node; those in the second stay on the second node.
  const clients = Array.from({ length: 12 }, (_, n) => clientOf(t, n < 6 ? proxy.port : port(1)));
  const listeners = clients.map((client) => new Listener(client, 'room/1'));
  await Promise.all(listeners.map(({ ready }) => ready));
  const publisher = clientOf(t, port(1));
  const raw = await SocketClient.open(t, `ws://127.0.0.1:${port(1)}/room%2F1`);
  const published: string[] = [];
  const publish = async (count: number): Promise<void> => {
    const data = Array.from({ length: count }, (_, n) => `message ${published.length + n}`);
    published.push(...data);
    await Promise.all(data.map((each) => publisher.publish('room/1', each)));
    // Other topics take numbers of the same stream.
    await publisher.publish('room/2', 'elsewhere');
  };

  await publish(50);
  target = 1;
  nodes[0]?.child.kill('SIGKILL');
  await publish(50);
  await Promise.all(listeners.map((listener) => listener.has(100)));
  nodes[0] = await node(t, nats, ...args);
  await publish(30);
  target = 0;
  proxy.cutAll();
  await publish(30);
  await Promise.all(listeners.map((listener) => listener.has(160)));
  for (const { received, gaps } of listeners) {
    assert.deepEqual(gaps, []);
    assert.deepEqual(received, published);
  }
  await raw.count(160);
  assert.deepEqual(raw.texts, published);
  assert.ok(proxy.cuts > 0);
}

test('a node that is killed loses no history: its clients recover on another, to the message and in one order', (t) =>
  survivesNodes(t));

test('the same with several workers on each node', (t) => survivesNodes(t, '--workers', '2'));

test('while NATS is away messages go out unnumbered and are counted, and when it is back recovery goes on', async (t) => {
  const nats = await NatsServer.startJetStream(t);
  const relay = await node(t, nats);
  const proxy = await CuttingProxy.start(t, () => relay.port);
  const listener = new Listener(clientOf(t, proxy.port), 'room/1');
  await listener.ready;
  const publisher = clientOf(t, relay.port);
  assert.equal(typeof (await publisher.publish('room/1', 'numbered')).seq, 'number');
  await listener.has(1);
  await nats.kill();
  await relay.seen(/NATS is away/);
  assert.deepEqual(await publisher.publish('room/1', 'unnumbered'), { seq: undefined });
  await listener.has(2);
  await nats.start();
  let unnumbered = 1;
  // To the first that is numbered: the streams are at hand a little later than the connection.
  while ((await publisher.publish('room/2', 'is it back?')).seq === undefined) {
    unnumbered++;
    await relay.seen(/joined the cluster/);
  }
  const metrics = await (await fetch(`http://127.0.0.1:${relay.adminPort}/metrics`)).text();
  assert.match(metrics, new RegExp(`^fanwire_cluster_messages_lost_total ${unnumbered}$`, 'm'));
  proxy.cutAll();
  await publisher.publish('room/1', 'while away');
  await listener.has(3);
  assert.deepEqual(listener.received, ['numbered', 'unnumbered', 'while away']);
  assert.deepEqual(listener.gaps, []);
});

test('a NATS without JetStream is one line that says so, and exit code 1', async (t) => {
  const nats = await NatsServer.start(t);
  const started = fanwire(t, ['serve', '--port', '0', '--admin-port', '0', '--cluster', nats.url, ...HISTORY]);
  assert.equal((await started.exited).code, 1);
  assert.match(
    started.stderr(),
    /--history with --cluster needs JetStream at NATS \(nats-server -js\).*\[FANWIRE_CLUSTER_HISTORY\]/,
  );
});

test('a position that one node gave is known to another, also where only other topics have gone on since', async (t) => {
  const nats = await NatsServer.startJetStream(t);
  const nodes = [await node(t, nats), await node(t, nats)] as const;
  // Here the topic's copy is as old as this subscription …
  const early = await EnvelopedClient.open(t, nodes[1].port);
  const began = await early.ask({ op: 'sub', topic: 'room/1' });
  // … and the stream goes on with what other topics take of its numbers.
  const publisher = clientOf(t, nodes[0].port);
  for (let n = 0; n < 5; n++) await publisher.publish('room/2', 'elsewhere');
  const mover = await EnvelopedClient.open(t, nodes[0].port);
  const position = await mover.ask({ op: 'sub', topic: 'room/1' });
  assert.ok(position.op === 'ok' && began.op === 'ok' && (position.seq as number) > (began.seq as number));
  mover.socket.terminate();
  const back = await EnvelopedClient.open(t, nodes[1].port);
  const since = { epoch: position.epoch, seq: position.seq };
  const answer = await back.ask({ op: 'sub', topic: 'room/1', since });
  assert.ok(answer.op === 'ok');
  assert.deepEqual([answer.recovered, answer.replayed, answer.reason], [true, 0, undefined], JSON.stringify(answer));
  const { seq } = await publisher.publish('room/1', 'after');
  assert.equal((await back.messages(1))[0]?.seq, seq);
  assert.equal((await early.messages(1))[0]?.seq, seq);
  const forged = await back.ask({ op: 'sub', topic: 'room/1', since: { ...since, seq: 1e9 } });
  assert.equal(forged.op === 'ok' && forged.reason, 'unknown-position');
});
