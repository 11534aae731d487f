// State over a cluster through faults: a node that is cut off from NATS, or frozen with it, ends with the same state as
// the others, and its subscribers with it; a state outlives the nodes that published it.
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import type { FanwireClient } from '../../src/client/index.js';
import { CuttingProxy } from '../support/cutting-proxy.js';
import { EnvelopedClient } from '../support/enveloped-client.js';
import { type ServeProcess, serve } from '../support/fanwire-process.js';
import { clientOf } from '../support/listener.js';
import { NatsServer } from '../support/nats-server.js';
import { testNeeding } from '../support/needs.js';
import { SocketClient } from '../support/socket-client.js';

const test = testNeeding('nats-server');

const RULES = ['--state', 'state/*', '--deliver', 'state/*=1ms,latest-by-key:|'];
/** Rules that are given twice add up. */
const LONG_WINDOWS = ['--state', 'state/*', '--deliver', 'state/*=200ms,latest-by-key:|'];

function node(t: TestContext, natsUrl: string, ...args: string[]): Promise<ServeProcess> {
  return serve(t, ['--cluster', natsUrl, ...RULES, ...args]);
}

/** What a subscriber holds: the newest value of each key, which each message names. */
class State {
  readonly values = new Map<string, string>();
  readonly heard: string[] = [];
  readonly gaps: string[] = [];
  readonly ready: Promise<void>;
  private check = (): void => {};

  constructor(client: FanwireClient) {
    const subscription = client.subscribe<string>('state/a', ({ data, seq }) => {
      this.heard.push(`${data}@${seq}`);
      const [key = '', value = ''] = data.split('|');
      this.values.set(key, value);
      this.check();
    });
    subscription.on('gap', ({ reason }) => this.gaps.push(reason));
    this.ready = subscription.ready;
  }

  has(key: string, value: string): Promise<void> {
    return new Promise((resolve) => {
      this.check = () => this.values.get(key) === value && resolve();
      this.check();
    });
  }

  get all(): string {
    return JSON.stringify([...this.values].sort());
  }
}

async function survivesCuts(t: TestContext, ...args: string[]): Promise<void> {
  const nats = await NatsServer.startJetStream(t);
  const proxy = await CuttingProxy.start(t, () => nats.port);
  const steady = await node(t, nats.url);
  const cut = await node(t, `nats://127.0.0.1:${proxy.port}`, ...args);
  const publisher = clientOf(t, steady.port);
  const publish = (key: string, value: string) => publisher.publish('state/a', `${key}|${value}`);
  for (let n = 0; n < 10; n++) await publish(`${n}`, 'first');
  const states = [...Array(4).keys()].map(() => new State(clientOf(t, cut.port)));
  states.push(new State(clientOf(t, steady.port)));
  await Promise.all(states.map(({ ready }) => ready));
  for (let round = 0; round < 3; round++) {
    proxy.cutAll();
    // While it is away, and as it comes back: keys that are not published again after it.
    for (let n = 0; n < 3; n++) await publish(`${round * 3 + n}`, `round ${round}`);
    await cut.seen(new RegExp(`(?:[^]*joined the cluster){${round + 2}}`));
    await publish('end', `${round}`);
    await Promise.all(states.map((state) => state.has('end', `${round}`)));
    const fresh = new State(clientOf(t, cut.port));
    await fresh.has('end', `${round}`);
    for (const { all, heard, gaps } of states) assert.equal(all, fresh.all, `${fresh.heard} not as ${heard}, ${gaps}`);
    assert.equal(fresh.values.get(`${round * 3 + 2}`), `round ${round}`);
  }
}

test('a node that is cut off from NATS misses nothing of a state, nor do its subscribers', (t) => survivesCuts(t));

test('the same with several workers', (t) => survivesCuts(t, '--workers', '2'));

test('a state outlives every node that published it, and NATS with its disk', async (t) => {
  const nats = await NatsServer.startJetStream(t);
  const first = await node(t, nats.url);
  const publisher = clientOf(t, first.port);
  for (let n = 0; n < 50; n++) await publisher.publish('state/a', `${n % 5}|${n}`);
  first.child.kill('SIGKILL');
  await first.exited;
  await nats.kill();
  await nats.start();
  const second = await node(t, nats.url);
  const state = new State(clientOf(t, second.port));
  await state.has('4', '49');
  assert.equal(state.all, JSON.stringify([0, 1, 2, 3, 4].map((key) => [`${key}`, `${45 + key}`])));
});

async function survivesAnOutage(t: TestContext, ...args: string[]): Promise<void> {
  const nats = await NatsServer.startJetStream(t);
  const nodes = [await node(t, nats.url, ...args), await node(t, nats.url, ...args)] as const;
  const [here, there] = nodes.map(({ port }) => clientOf(t, port)) as [FanwireClient, FanwireClient];
  const publish = (client: FanwireClient, key: string, value: string) => client.publish('state/a', `${key}|${value}`);
  for (const key of 'abcde') await publish(here, key, 'old');
  const states = nodes.flatMap(({ port }) => [new State(clientOf(t, port)), new State(clientOf(t, port))]);
  await Promise.all(states.map(({ ready }) => ready));
  const raws = await Promise.all(nodes.map((each) => SocketClient.open(t, each.url('state/a'))));
  await Promise.all(raws.map((raw) => raw.count(5)));
  await nats.kill();
  await Promise.all(nodes.map((each) => each.seen(/NATS is away/)));
  for (const value of ['older', 'new']) await publish(here, 'a', value);
  await publish(there, 'b', 'new');
  // Both publish the same key: the later one counts, whoever comes back first.
  await publish(here, 'c', 'older');
  await new Promise((resolve) => setTimeout(resolve, 50)); // of two nodes' clocks
  await publish(there, 'c', 'new');
  await publish(there, 'd', 'older');
  await new Promise((resolve) => setTimeout(resolve, 50));
  await publish(here, 'd', 'new');
  await nats.start();
  states.push(...nodes.map(({ port }) => new State(clientOf(t, port))));
  for (const state of states) {
    for (const key of 'abcd') await state.has(key, 'new');
    await state.has('e', 'old');
  }
  for (const raw of raws) {
    const has = (text: string) => raw.texts.findLast((each) => each[0] === text[0]) === text;
    await raw.until(() => [...'abcd'].every((key) => has(`${key}|new`)));
  }
  const fresh = new State(clientOf(t, nodes[1].port));
  await fresh.has('e', 'old');
  for (const { all } of states) assert.equal(all, fresh.all);
  // One was replaced by a newer one of its node, up to two by those of the other node.
  let lost = 0;
  for (const { adminPort } of nodes) {
    const metrics = await (await fetch(`http://127.0.0.1:${adminPort}/metrics`)).text();
    lost += Number(/^fanwire_cluster_messages_lost_total(?:{[^}]*})? (\d+)$/m.exec(metrics)?.[1]);
  }
  assert.ok(lost >= 1 && lost <= 3, `${lost} lost`);
}

test('what is published to a state while NATS is dead reaches every reader once it is back, and newcomers', (t) =>
  survivesAnOutage(t));

test('so it does over several workers', (t) => survivesAnOutage(t, '--workers', '2'));

test('while NATS is away a raw newcomer goes live without the state after a while; once NATS is back all have it', async (t) => {
  const nats = await NatsServer.startJetStream(t);
  const relay = await node(t, nats.url);
  await clientOf(t, relay.port).publish('state/a', 'k|kept');
  await nats.kill();
  await relay.seen(/NATS is away/);
  const raw = await SocketClient.open(t, relay.url('state/a'));
  const state = new State(clientOf(t, relay.port));
  const publisher = await SocketClient.open(t, relay.url('state/a'));
  while (raw.received.length === 0) {
    publisher.socket.send('j|live');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  assert.equal(raw.texts[0], 'j|live');
  await nats.start();
  await state.ready;
  await state.has('k', 'kept');
  await state.has('j', 'live');
  await raw.until(() => raw.texts.includes('k|kept'));
  publisher.socket.send('i|live');
  await raw.until(() => raw.texts.at(-1) === 'i|live');
  assert.equal(raw.texts.filter((text) => text === 'k|kept').length, 1);
});

async function outageState(t: TestContext, ...args: string[]): Promise<void> {
  const nats = await NatsServer.startJetStream(t);
  const relay = await node(t, nats.url, ...args);
  const publisher = clientOf(t, relay.port);
  for (const key of 'abc') await publisher.publish('state/a', `${key}|old`);
  // More than one a worker, so that each has its copy before NATS goes.
  const present = await Promise.all(Array.from({ length: 12 }, () => EnvelopedClient.open(t, relay.port)));
  await Promise.all(present.map((client) => client.ask({ op: 'sub', topic: 'state/a' })));
  await Promise.all(present.map((client) => client.messages(3)));
  await nats.kill();
  await relay.seen(/NATS is away/);
  const states = `${relay.url('').replace('ws:', 'http:')}topics/state/a/state`;
  const tags = new Set<string>();
  for (const value of ['newer', 'newest']) {
    await publisher.publish('state/a', `a|${value}`);
    await Promise.all(
      present.map((client) => client.until((heard) => heard.find((said) => textOf(said) === `a|${value}`))),
    );
    for (let n = 0; n < 4; n++) {
      const late = await EnvelopedClient.open(t, relay.port);
      const { replayed } = (await late.ask({ op: 'sub', topic: 'state/a' })) as { replayed?: number };
      const heard = await late.messages(3);
      assert.deepEqual(heard.map(textOf), ['b|old', 'c|old', `a|${value}`]);
      assert.deepEqual(
        heard.map(({ seq }) => seq === undefined),
        [false, false, true],
      );
      assert.equal(replayed, 3);
      const raw = await SocketClient.open(t, relay.url('state/a'));
      await raw.count(3);
      assert.deepEqual(raw.texts, ['b|old', 'c|old', `a|${value}`]);
    }
    const answer = await fetch(states);
    const { messages } = (await answer.json()) as { messages: { seq?: number; data: string }[] };
    assert.deepEqual(
      messages.map(({ data }) => data),
      ['b|old', 'c|old', `a|${value}`],
    );
    assert.equal(messages[2]?.seq, undefined);
    tags.add(answer.headers.get('etag') as string);
  }
  assert.equal(tags.size, 2);
  await nats.start();
  await relay.seen(/joined the cluster[\s\S]*joined the cluster/);
  const state = new State(clientOf(t, relay.port));
  await state.has('a', 'newest');
  const all = JSON.stringify([
    ['a', 'newest'],
    ['b', 'old'],
    ['c', 'old'],
  ]);
  assert.equal(state.all, all);
}

const textOf = (said: object): unknown => ('data' in said ? said.data : undefined);

test('while NATS is away newcomers get the newest that their node knows of a state that it has', (t) => outageState(t));

test('so they do over several workers', (t) => outageState(t, '--workers', '2'));

test('of what a socket asks again and again of a topic while NATS is away, only the newest few wait', async (t) => {
  const nats = await NatsServer.startJetStream(t);
  const relay = await node(t, nats.url);
  await clientOf(t, relay.port).publish('state/a', 'k|kept');
  await nats.kill();
  await relay.seen(/NATS is away/);
  const client = await EnvelopedClient.open(t, relay.port);
  for (let id = 1; id <= 100; id++) client.say({ op: 'sub', topic: 'state/a', id });
  const idsFrom = (first: number, last: number): number[] =>
    Array.from({ length: last - first + 1 }, (_, n) => first + n);
  const answered = (): number[] => client.heard.flatMap((said) => (said.op === 'ok' ? [Number(said.id)] : []));
  await client.until(() => answered().length >= 83 || undefined);
  assert.deepEqual(answered(), idsFrom(2, 84));
  await nats.start();
  await client.until(() => answered().length === 100 || undefined);
  assert.deepEqual(answered().slice(83), [1, ...idsFrom(85, 100)]);
  await client.messages(1);
});

for (const frozen of ['NATS', 'a node'] as const) {
  test(`while a window is open and ${frozen} stands still, nothing of a state is lost, and nothing comes twice`, async (t) => {
    const nats = await NatsServer.startJetStream(t);
    const start = (): Promise<ServeProcess> => serve(t, ['--cluster', nats.url, ...LONG_WINDOWS]);
    const [steady, other] = [await start(), await start()];
    const states = [steady, other].map(({ port }) => new State(clientOf(t, port)));
    await Promise.all(states.map(({ ready }) => ready));
    const publisher = clientOf(t, steady.port);
    const publish = (key: string, n: number) => publisher.publish('state/a', `${key}|${n}`);
    for (const key of 'abcd') await publish(key, 0);
    const begun = Array.from({ length: 20 }, (_, n) => publish('abcd'[n % 4] as string, n + 1));
    if (frozen === 'NATS') await nats.freeze();
    else other.child.kill('SIGSTOP');
    const meanwhile = Array.from({ length: 40 }, (_, n) => publish('ab'[n % 2] as string, n + 21));
    // Long enough that windows end and owners are asked again.
    await new Promise((resolve) => setTimeout(resolve, 2500));
    if (frozen === 'NATS') nats.thaw();
    else other.child.kill('SIGCONT');
    for (const { seq } of await Promise.all([...begun, ...meanwhile])) assert.ok(seq !== undefined);
    for (const state of states) {
      for (const [key, value] of Object.entries({ a: '59', b: '60', c: '19', d: '20' })) await state.has(key, value);
      assert.deepEqual(state.gaps, []);
      assert.equal(new Set(state.heard).size, state.heard.length);
    }
    const fresh = new State(clientOf(t, other.port));
    await fresh.has('b', '60');
    assert.equal(fresh.all, states[0]?.all);
  });
}
