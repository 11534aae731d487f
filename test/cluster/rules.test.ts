// Options that must be equal over a cluster, changed node by node: at every step all that is published arrives once on
// both nodes, and both say that they differ, until they no longer do.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { EnvelopedClient } from '../support/enveloped-client.js';
import { type ServeProcess, serve } from '../support/fanwire-process.js';
import { NatsServer } from '../support/nats-server.js';
import { SocketClient } from '../support/socket-client.js';

const TOPIC = 'chat/a';
const MESSAGES = 6;

interface Change {
  readonly option: string;
  readonly from: readonly string[];
  readonly to: readonly string[];
}

/** Every option of a cluster that is compared, from one value to another. */
const CHANGES: Record<string, Change> = {
  'history comes': { option: 'history', from: [], to: ['--history', 'chat/*=100,1m,1m'] },
  'history goes': { option: 'history', from: ['--history', 'chat/*=100,1m,1m'], to: [] },
  'history gets another pattern': {
    option: 'history',
    from: ['--history', 'chat/*=100,1m,1m'],
    to: ['--history', 'chat*=100,1m,1m'],
  },
  'history gets another rule in front': {
    option: 'history',
    from: ['--history', '*=100,1m,1m'],
    to: ['--history', 'chat/*=50,1m,1m;*=100,1m,1m'],
  },
  'history keeps more': {
    option: 'history',
    from: ['--history', 'chat/*=20,1m,1m'],
    to: ['--history', 'chat/*=100,2m,1m'],
  },
  'history keeps less': {
    option: 'history',
    from: ['--history', 'chat/*=100,2m,1m'],
    to: ['--history', 'chat/*=20,1m,1m'],
  },
  'history-max-bytes': {
    option: 'history-max-bytes',
    from: ['--history', '*=100,1m,1m', '--history-max-bytes', '32m'],
    to: ['--history', '*=100,1m,1m', '--history-max-bytes', '16m'],
  },
  'state comes': { option: 'state', from: [], to: ['--state', 'chat/*'] },
  'state goes': { option: 'state', from: ['--state', 'chat/*'], to: [] },
  'state gets another pattern': { option: 'state', from: ['--state', 'chat/*'], to: ['--state', 'chat*=50,1h'] },
  'state-max-bytes': {
    option: 'state-max-bytes',
    from: ['--state', 'chat/*', '--state-max-bytes', '32m'],
    to: ['--state', 'chat/*', '--state-max-bytes', '16m'],
  },
  'the keys of a state': {
    option: 'deliver',
    from: ['--state', 'chat/*'],
    to: ['--state', 'chat/*', '--deliver', 'chat/other=1ms,latest'],
  },
  presence: { option: 'presence', from: ['--presence', 'room*'], to: ['--presence', 'room*,chat/*'] },
};

interface Readiness {
  readonly status: string;
  readonly notes?: readonly string[];
}

async function readiness({ adminPort }: ServeProcess): Promise<Readiness> {
  return (await (await fetch(`http://127.0.0.1:${adminPort}/readyz`)).json()) as Readiness;
}

async function metric({ adminPort }: ServeProcess, name: string): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${adminPort}/metrics`)).text();
  const line = text.split('\n').find((each) => each.startsWith(`${name} `));
  return Number(line?.slice(name.length + 1));
}

/** Resolves once a node says nothing of differences, or something. */
async function says(node: ServeProcess, isDifferent: boolean): Promise<Readiness> {
  for (;;) {
    const answer = await readiness(node);
    if ((answer.notes !== undefined) === isDifferent && answer.status === 'ready') return answer;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

let published = 0;

/** Publishes on either node in each form; all of it arrives on both, once, in order, raw and enveloped. */
async function allArrives(t: TestContext, nodes: readonly ServeProcess[], nats: NatsServer): Promise<void> {
  const raw = await Promise.all(nodes.map((node) => SocketClient.open(t, `${node.url(TOPIC)}?rewind=0`)));
  const enveloped = await Promise.all(nodes.map((node) => EnvelopedClient.open(t, node.port)));
  for (const client of enveloped) await client.ask({ op: 'sub', topic: TOPIC, rewind: 0 });
  await nats.subscribed(`fanwire.${TOPIC}.*`, 2);
  for (const node of nodes) {
    const expected: string[] = [];
    const publisher = await EnvelopedClient.open(t, node.port);
    const rawPublisher = await SocketClient.open(t, node.url(TOPIC));
    const before = raw.map(({ received }) => received.length);
    const heard = enveloped.map(({ heard: all }) => all.length);
    for (let n = 0; n < MESSAGES; n++) {
      const text = `message ${published++}`;
      expected.push(text);
      // One after the other: two publishers have no order between them.
      if (n % 2 === 0) await publisher.ask({ op: 'pub', topic: TOPIC, data: text });
      else rawPublisher.socket.send(text);
      await Promise.all(raw.map((client, index) => client.count((before[index] as number) + n + 1)));
      await Promise.all(
        enveloped.map((client, index) =>
          client.until((all) => {
            const messages = all.slice(heard[index]).filter(({ op }) => op === 'msg');
            return messages.length > n || undefined;
          }),
        ),
      );
    }
    for (const [index, client] of raw.entries()) assert.deepEqual(client.texts.slice(before[index]), expected);
    for (const [index, client] of enveloped.entries()) {
      const data = client.heard.slice(heard[index]).flatMap((said) => (said.op === 'msg' ? [said.data] : []));
      assert.deepEqual(data, expected);
    }
    rawPublisher.socket.terminate();
  }
  for (const { socket } of [...raw, ...enveloped]) socket.terminate();
}

for (const [name, { option, from, to }] of Object.entries(CHANGES)) {
  test(`a change node by node loses nothing and is said: ${name}`, async (t) => {
    const nats = await NatsServer.startJetStream(t);
    const start = (args: readonly string[], ...more: string[]): Promise<ServeProcess> =>
      serve(t, ['--cluster', nats.url, ...args, ...more]);
    const old = [await start(from, '--workers', '2'), await start(from)] as const;
    await says(old[0], false);
    await allArrives(t, old, nats);

    old[1].child.kill('SIGTERM');
    await old[1].exited;
    const mixed = [old[0], await start(to)] as const;
    for (const node of mixed) {
      const { notes = [] } = await says(node, true);
      assert.ok(
        notes.every((note) => note.startsWith(`--${option} is `)),
        String(notes),
      );
      assert.equal(await metric(node, `fanwire_cluster_rules_differ{option="${option}"}`), 1);
      assert.equal(await metric(node, 'fanwire_cluster_nodes'), 1);
      assert.match(node.stdout() + node.stderr(), /goes by another rule/);
    }
    await allArrives(t, mixed, nats);

    old[0].child.kill('SIGTERM');
    await old[0].exited;
    const renewed = [mixed[1], await start(to, '--workers', '2')] as const;
    for (const node of renewed) await says(node, false);
    assert.match(mixed[1].stdout() + mixed[1].stderr(), /the same rules again/);
    await allArrives(t, renewed, nats);
  });
}

test('while nodes differ in their limits the stream has the wider ones, and the narrower once all agree', async (t) => {
  const nats = await NatsServer.startJetStream(t);
  const start = (history: string): Promise<ServeProcess> => serve(t, ['--cluster', nats.url, '--history', history]);
  const limit = async (): Promise<number | undefined> => {
    const { account_details: accounts } = (await nats.ask('/jsz?streams=1&config=1')) as {
      account_details: { stream_detail: { config: { max_msgs_per_subject: number } }[] }[];
    };
    return accounts[0]?.stream_detail[0]?.config.max_msgs_per_subject;
  };
  const wide = await start('chat/*=100,1m,1m');
  const publisher = await EnvelopedClient.open(t, wide.port);
  for (let n = 0; n < 60; n++) await publisher.ask({ op: 'pub', topic: TOPIC, data: n });
  const position = await publisher.ask({ op: 'sub', topic: TOPIC });
  assert.ok(position.op === 'ok');
  const narrow = await start('chat/*=20,1m,1m');
  assert.equal(await limit(), 100);
  wide.child.kill('SIGTERM');
  await wide.exited;
  while ((await limit()) !== 20) await new Promise((resolve) => setTimeout(resolve, 20));
  await says(narrow, false);
});

test('what nodes announce is read with care: anything else on their subject is passed over', async (t) => {
  const nats = await NatsServer.start(t);
  const relay = await serve(t, ['--cluster', nats.url]);
  const { connect } = await import('@nats-io/transport-node');
  const stranger = await connect({ servers: `127.0.0.1:${nats.port}` });
  t.after(() => stranger.close());
  for (const said of [
    '',
    '{',
    '[]',
    '{"node":1}',
    '{"node":"x","name":"y","version":"z","origins":[],"rules":{}}',
    '\xff',
  ]) {
    stranger.publish('fanwire.cluster.nodes.here', said);
  }
  const rules = { history: [], historyMaxBytes: 1, historyReplicas: 1, presence: ['x'] };
  const announced = { node: 'x', name: 'stranger', version: '9', origins: [], rules, more: true };
  stranger.publish('fanwire.cluster.nodes.here', JSON.stringify(announced));
  await says(relay, true);
  assert.equal(await metric(relay, 'fanwire_cluster_nodes'), 1);
  stranger.publish('fanwire.cluster.nodes.here', JSON.stringify({ ...announced, bye: true }));
  await says(relay, false);
  assert.equal(await metric(relay, 'fanwire_cluster_nodes'), 0);
});
