// Relays joined by a real NATS: what one node publishes reaches the others' subscribers once, and an outage stays an
// outage of the connection between nodes.
import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import nodeTest, { type TestContext } from 'node:test';
import { runFanwire, type ServeProcess, serve } from '../support/fanwire-process.js';
import { NatsServer } from '../support/nats-server.js';
import { testNeeding } from '../support/needs.js';
import { SocketClient } from '../support/socket-client.js';

const test = testNeeding('nats-server');

async function nodes(t: TestContext, nats: NatsServer, ...more: string[][]): Promise<ServeProcess[]> {
  const started = await Promise.all(more.map((args) => serve(t, ['--cluster', nats.url, ...args])));
  await Promise.all(started.map((node) => node.seen(/"msg":"joined the cluster"/)));
  return started;
}

/** What the admin port of a node answers. */
async function admin(node: ServeProcess, path: string): Promise<{ status: number; text: string }> {
  const [, port] = await node.seen(/"adminPort":(\d+),[^\n]*"msg":"admin on/);
  const response = await fetch(`http://127.0.0.1:${port}${path}`);
  return { status: response.status, text: await response.text() };
}

function open(t: TestContext, url: string, count: number): Promise<SocketClient[]> {
  return Promise.all(Array.from({ length: count }, () => SocketClient.open(t, url)));
}

test('on three nodes, one with workers, thousands of sockets get every message once, in order, with its type', async (t) => {
  const nats = await NatsServer.start(t);
  const relays = await nodes(t, nats, ['--workers', '2'], [], []);
  const perNode = 700;
  const all: SocketClient[] = [];
  for (const relay of relays) {
    for (let opened = 0; opened < perNode; opened += 100) all.push(...(await open(t, relay.url('news'), 100)));
  }
  await nats.subscribed('fanwire.news.*', relays.length);
  const publishers = relays.flatMap((_, node) => all.slice(node * perNode, node * perNode + 5));
  const each = 20;
  for (let i = 0; i < each; i++) {
    for (const [who, { socket }] of publishers.entries()) {
      const text = `${who} ${i}`;
      socket.send(i % 2 === 0 ? text : Buffer.from(text), { binary: i % 2 === 1 });
    }
  }
  const total = publishers.length * each;
  await Promise.all(all.map((client) => client.count(total - (publishers.includes(client) ? each : 0))));
  for (const client of all) {
    const next = new Array(publishers.length).fill(0);
    for (const { payload, isBinary } of client.received) {
      const [who, i] = payload.toString().split(' ').map(Number) as [number, number];
      assert.equal(i, next[who]++);
      assert.equal(isBinary, i % 2 === 1);
    }
    const own = publishers.indexOf(client);
    assert.deepEqual(
      next,
      next.map((_, who) => (who === own ? 0 : each)),
    );
  }
});

test('topics whose names mean something to NATS stay apart on other nodes', async (t) => {
  const nats = await NatsServer.start(t);
  const [here, there] = (await nodes(t, nats, [], [])) as [ServeProcess, ServeProcess];
  const names = ['a', 'a.b', 'a.*', '*', '>', 'a b', 'a\u00a0b', '😀', '%2E', '$SYS.>'];
  const listeners = await Promise.all(names.map((name) => SocketClient.open(t, there.url(name))));
  const talkers = await Promise.all(names.map((name) => SocketClient.open(t, here.url(name))));
  const { subjectToken } = await import('../../src/bus/subject.js');
  for (const name of names) await nats.subscribed(`fanwire.${subjectToken(name)}.*`, 2);
  for (const [i, { socket }] of talkers.entries()) socket.send(`on ${names[i]}`);
  // What comes last on a topic comes after all that could have strayed there.
  for (const { socket } of talkers) socket.send('end');
  await Promise.all(listeners.map((listener) => listener.until(() => listener.texts.includes('end'))));
  for (const [i, listener] of listeners.entries()) assert.deepEqual(listener.texts, [`on ${names[i]}`, 'end']);
});

test('while NATS is down a node relays to its own, counts the rest, and joins again with all its topics', async (t) => {
  const nats = await NatsServer.start(t);
  const [here, there] = (await nodes(t, nats, [], ['--workers', '2'])) as [ServeProcess, ServeProcess];
  const [publisher, neighbour, far] = await Promise.all([
    SocketClient.open(t, here.url('news')),
    SocketClient.open(t, here.url('news')),
    SocketClient.open(t, there.url('news')),
  ]);
  await nats.subscribed('fanwire.news.*', 2);
  publisher.socket.send('before');
  await Promise.all([neighbour.count(1), far.count(1)]);

  await nats.kill();
  await Promise.all([here, there].map((node) => node.seen(/"msg":"NATS is away/)));
  publisher.socket.send('during');
  await neighbour.count(2);
  for (const node of [here, there]) {
    const { status, text } = await admin(node, '/readyz');
    assert.equal(status, 503);
    assert.match(text, /NATS is away/);
  }
  const metrics = await admin(here, '/metrics');
  assert.match(metrics.text, /^fanwire_cluster_connected 0$/m);
  assert.match(metrics.text, /^fanwire_cluster_messages_lost_total 1$/m);
  const late = await SocketClient.open(t, there.url('late'));
  const latePublisher = await SocketClient.open(t, here.url('late'));

  await nats.start();
  await Promise.all([nats.subscribed('fanwire.news.*', 2), nats.subscribed('fanwire.late.*', 2)]);
  publisher.socket.send('after');
  latePublisher.socket.send('first');
  await Promise.all([neighbour.count(3), far.count(2), late.count(1)]);
  assert.deepEqual(neighbour.texts, ['before', 'during', 'after']);
  assert.deepEqual(far.texts, ['before', 'after'], 'nothing stale arrives after the outage');
  assert.deepEqual(late.texts, ['first']);
  assert.equal((await admin(here, '/readyz')).status, 200);
  assert.equal(JSON.parse((await admin(there, '/stats')).text).cluster.received, 3);
});

test('a NATS that stalls holds up no local message, and what it holds arrives when it goes on', async (t) => {
  const nats = await NatsServer.start(t);
  const [here, there] = (await nodes(t, nats, [], [])) as [ServeProcess, ServeProcess];
  const [publisher, neighbour, far] = await Promise.all([
    SocketClient.open(t, here.url('news')),
    SocketClient.open(t, here.url('news')),
    SocketClient.open(t, there.url('news')),
  ]);
  await nats.subscribed('fanwire.news.*', 2);
  await nats.freeze();
  for (let i = 0; i < 100; i++) publisher.socket.send(`${i}`);
  await neighbour.count(100);
  assert.equal(far.received.length, 0);
  nats.thaw();
  await far.count(100);
  assert.deepEqual(
    far.texts,
    Array.from({ length: 100 }, (_, i) => `${i}`),
  );
});

test('under publishing without a pause, outages lose only what was published in them, and double or reorder nothing', async (t) => {
  const nats = await NatsServer.start(t);
  const [here, there] = (await nodes(t, nats, [], ['--workers', '2'])) as [ServeProcess, ServeProcess];
  const publisher = await SocketClient.open(t, here.url('news'));
  const far = await SocketClient.open(t, there.url('news'));
  let next = 0;
  const publishing = setInterval(() => {
    for (let i = 0; i < 5; i++) publisher.socket.send(String(next++));
  }, 5);
  t.after(() => clearInterval(publishing));
  const reaches = (number: number) => far.until((received) => Number(received.at(-1)?.payload) >= number);
  const steady: [number, number][] = [];
  const outages = [
    () => nats.kill().then(() => nats.start()),
    async () => {
      await nats.freeze();
      await new Promise((resolve) => setTimeout(resolve, 500));
      nats.thaw();
    },
    () => nats.kill().then(() => nats.start()),
  ];
  for (const outage of outages) {
    await nats.subscribed('fanwire.news.*', 2);
    await reaches(next);
    const from = next;
    const to = from + 300;
    await reaches(to);
    steady.push([from, to]);
    await outage();
  }
  clearInterval(publishing);
  await nats.subscribed('fanwire.news.*', 2);
  publisher.socket.send(String(next));
  await far.until((received) => Number(received.at(-1)?.payload) === next);
  const heard = far.texts.map(Number);
  for (let i = 1; i < heard.length; i++) assert.ok((heard[i] as number) > (heard[i - 1] as number));
  const all = new Set(heard);
  for (const [from, to] of steady) {
    for (let i = from; i <= to; i++) assert.ok(all.has(i), `${i} of ${from} to ${to}`);
  }
  assert.ok(heard.length < next, 'outages were outages');
});

test('a node that starts without NATS serves its clients, and joins when NATS comes', async (t) => {
  const nats = await NatsServer.start(t);
  const [there] = (await nodes(t, nats, [])) as [ServeProcess];
  await nats.kill();
  const here = await serve(t, ['--cluster', nats.url]);
  const [publisher, neighbour] = await Promise.all(
    [1, 2].map(() => SocketClient.open(t, here.url('news'))) as [Promise<SocketClient>, Promise<SocketClient>],
  );
  publisher.socket.send('alone');
  await neighbour.count(1);
  const far = await SocketClient.open(t, there.url('news'));
  await nats.start();
  await nats.subscribed('fanwire.news.*', 2);
  publisher.socket.send('together');
  await far.count(1);
  assert.deepEqual(far.texts, ['together']);
});

test('NATS credentials come from the URL or from flags, and wrong ones are one line and exit code 1', async (t) => {
  const nats = await NatsServer.start(t, ['--auth', 's3cret']);
  await serve(t, ['--cluster', nats.url.replace('//', '//s3cret@')]).then((node) =>
    node.seen(/"msg":"joined the cluster"/),
  );
  await serve(t, ['--cluster', nats.url], { FANWIRE_CLUSTER_TOKEN: 's3cret' }).then((node) =>
    node.seen(/"msg":"joined the cluster"/),
  );
  const args = ['serve', '--port', '0', '--admin-port', '0', '--log-level', 'silent', '--cluster', nats.url];
  const refused = await runFanwire(t, [...args, '--cluster-token', 'wrong']);
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /^fanwire: NATS at 127\.0\.0\.1:\d+ refuses the credentials: .*\[FANWIRE_CLUSTER\]\n$/);
});

test('a node that is told to end does so with NATS up, and with NATS down', async (t) => {
  const nats = await NatsServer.start(t);
  const [up, workers, down] = (await nodes(t, nats, [], ['--workers', '2'], [])) as ServeProcess[];
  for (const node of [up, workers]) {
    node?.child.kill('SIGTERM');
    assert.deepEqual(await node?.exited, { code: 0, signal: null });
  }
  await nats.kill();
  await down?.seen(/"msg":"NATS is away/);
  down?.child.kill('SIGTERM');
  assert.deepEqual(await down?.exited, { code: 0, signal: null });
});

nodeTest('a NATS that stays away is told once, not at each attempt', async (t) => {
  let attempts = 0;
  const enough = new EventEmitter();
  const hangsUp = createServer((socket) => {
    socket.on('error', () => {}).destroy();
    if (++attempts === 4) enough.emit('reached');
  });
  await new Promise<void>((resolve) => hangsUp.listen(0, '127.0.0.1', resolve));
  t.after(() => hangsUp.close());
  const reached = once(enough, 'reached');
  const node = await serve(t, ['--cluster', `nats://127.0.0.1:${(hangsUp.address() as AddressInfo).port}`]);
  await reached;
  await node.seen(/"msg":"NATS is away/);
  assert.equal(node.stdout().match(/"msg":"NATS is away/g)?.length, 1, node.stdout());
});
