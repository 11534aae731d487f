// Members whose relay ended without a word: others are told that they have left, and once a relay is heard again, that
// they are there.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Member } from '../../src/protocol/ops.js';
import { EnvelopedClient } from '../support/enveloped-client.js';
import { listeningPort, nodeProcess, serve } from '../support/fanwire-process.js';
import { NatsServer } from '../support/nats-server.js';
import { SocketClient } from '../support/socket-client.js';

const FAILING_RELAY = fileURLToPath(new URL('../workers/failing-relay.js', import.meta.url));

/** Who is there by what a client heard, beginning with a list that it asked for. */
function present(client: EnvelopedClient, listed: readonly Member[] = []): Set<string> {
  const ids = new Set(listed.map(({ id }) => id));
  for (const said of client.heard) {
    if (said.op === 'join') ids.add(said.member.id);
    else if (said.op === 'leave') ids.delete(said.member.id);
    else if (said.op === 'presence') {
      for (const { id } of said.join ?? []) ids.add(id);
      for (const { id } of said.leave ?? []) ids.delete(id);
    }
  }
  return ids;
}

/** Joins a topic and asks who is there until there are `count`: a busy node is not waited for. */
async function joined(t: TestContext, port: number, count: number): Promise<[EnvelopedClient, readonly Member[]]> {
  const client = await EnvelopedClient.open(t, port);
  await client.ask({ op: 'sub', topic: 'room', presence: 'batch' });
  for (;;) {
    const answer = await client.ask({ op: 'presence', topic: 'room' });
    assert.ok(answer.op === 'ok');
    if (answer.count === count) return [client, answer.members ?? []];
  }
}

test('the members of a node that is killed have left within ten seconds for those who were told of them, in whatever way', async (t) => {
  const nats = await NatsServer.start(t);
  const flags = ['--cluster', nats.url, '--presence', 'room'];
  const [here, there] = await Promise.all([serve(t, [...flags, '--workers', '2']), serve(t, flags)]);
  const early = await EnvelopedClient.open(t, here.port);
  await early.ask({ op: 'sub', topic: 'room' });
  await nats.subscribed('fanwire.room.*', 1);
  const far = await Promise.all(Array.from({ length: 5 }, () => SocketClient.open(t, there.url('room'))));
  await early.until(() => present(early).size === 5 || undefined);
  // This one heard of them by asking only.
  const [late, listed] = await joined(t, here.port, 7);
  there.child.kill('SIGKILL');
  await Promise.all(far.map(({ closed }) => closed));
  await here.seen(/a node of the cluster is gone/);
  await early.until(() => present(early).size === 1 || undefined); // the late one
  await late.until(() => present(late, listed).size === 2 || undefined); // both
});

test('who came and went while NATS was away is told once it is back', async (t) => {
  const nats = await NatsServer.start(t);
  const flags = ['--cluster', nats.url, '--presence', 'room'];
  const [here, there] = await Promise.all([serve(t, flags), serve(t, flags)]);
  const stays = await SocketClient.open(t, there.url('room'));
  const goes = await SocketClient.open(t, there.url('room'));
  const [client, listed] = await joined(t, here.port, 3);
  await nats.kill();
  await Promise.all([here.seen(/NATS is away/), there.seen(/NATS is away/)]);
  goes.socket.close();
  await goes.closed;
  const comes = await SocketClient.open(t, there.url('room'));
  await nats.start();
  // Two of those listed are there, the client one of them, and one who is new.
  await client.until(() => {
    const now = present(client, listed);
    const known = listed.filter(({ id }) => now.has(id));
    return (now.size === 3 && known.length === 2) || undefined;
  });
  await Promise.all([stays.handled(), comes.handled()]);
});

test('the members of a worker that died have left for those on the others', async (t) => {
  const relay = nodeProcess(t, [FAILING_RELAY, JSON.stringify({ presence: ['room'] })]);
  const port = await listeningPort(relay);
  const clients: EnvelopedClient[] = [];
  for (let n = 0; n < 24; n++) {
    const client = await EnvelopedClient.open(t, port);
    await client.ask({ op: 'sub', topic: 'room', presence: 'batch' });
    clients.push(client);
  }
  const first = clients[0] as EnvelopedClient;
  await first.until(() => present(first).size === 23 || undefined);
  // All ask who is there: only who was told of somebody is told of his end.
  for (const client of clients) {
    const { members = [] } = (await client.ask({ op: 'presence', topic: 'room' })) as { members?: Member[] };
    assert.equal(members.length, 24);
  }
  const closed = new Set<EnvelopedClient>();
  for (const client of clients) void client.closed.then(() => closed.add(client));
  relay.child.stdin.write('throw 1\n');
  await relay.seen(/a worker has died/);
  const left = clients.filter((client) => !closed.has(client));
  await Promise.all(left.map((client) => client.handled().catch(() => {})));
  const witnesses = clients.filter((client) => !closed.has(client));
  assert.ok(witnesses.length > 0 && closed.size > 0);
  for (const witness of witnesses) {
    await witness.until((heard) => {
      const gone = heard.flatMap((said) => (said.op === 'presence' ? (said.leave ?? []) : []));
      return gone.length >= closed.size || undefined;
    });
  }
});
