// States with several workers: one that dies leaves its states to the worker that takes its place, where others have
// copies of them, and nobody is left with an older one.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { slotOf } from '../../src/bus/interest-table.js';
import type { FanwireClient } from '../../src/client/index.js';
import { listeningPort, nodeProcess } from '../support/fanwire-process.js';
import { clientOf } from '../support/listener.js';

const FAILING_RELAY = fileURLToPath(new URL('./failing-relay.js', import.meta.url));
/** So many clients that both workers have some: the chance that one has none is 1 in 2^19. */
const CLIENTS = 20;

const topicOf = (worker: number): string => {
  for (let n = 0; ; n++) if (slotOf(`topic-${n}`) % 2 === worker) return `topic-${n}`;
};

/** What a subscriber holds: the newest value of each key, which each message names. */
class State {
  readonly values = new Map<string, string>();
  readonly gaps: string[] = [];
  readonly ready: Promise<void>;
  private check = (): void => {};

  constructor(client: FanwireClient, topic: string) {
    const subscription = client.subscribe<string>(topic, ({ data }) => {
      const [key = '', value = ''] = data.split('|');
      this.values.set(key, value);
      this.check();
    });
    subscription.on('gap', ({ reason }) => this.gaps.push(reason));
    this.ready = subscription.ready;
  }

  is(wanted: ReadonlyMap<string, string>): Promise<void> {
    return new Promise((resolve) => {
      this.check = () => {
        if ([...wanted].every(([key, value]) => this.values.get(key) === value)) resolve();
      };
      this.check();
    });
  }
}

for (const deliver of ['', '*=300ms,latest-by-key']) {
  for (const owner of [0, 1]) {
    test(`the state of a topic outlives the death of a worker: owned by ${owner}, 1 dies, --deliver "${deliver}"`, (t) =>
      outlivesWorker(t, deliver, topicOf(owner)));
  }
}

for (const keep of [{ state: '*' }, { history: '*=1000,10m,1m' }, {}]) {
  const given = { ...keep, deliver: '*=200ms,latest-by-key' };
  test(`readers end with the newest of each key after a worker was stuck: ${JSON.stringify(keep)}`, async (t) => {
    const relay = nodeProcess(t, [FAILING_RELAY, JSON.stringify(given)]);
    const port = await listeningPort(relay);
    for (const topic of [topicOf(0), topicOf(1)]) {
      const states = Array.from({ length: CLIENTS }, () => new State(clientOf(t, port), topic));
      await Promise.all(states.map(({ ready }) => ready));
      const publisher = clientOf(t, port);
      const newest = new Map<string, string>();
      const publish = (key: string, value: string): Promise<unknown> => {
        newest.set(key, value);
        return publisher.publish(topic, `${key}|${value}`, { key });
      };
      for (const key of 'abcde') await publish(key, 'before');
      relay.child.stdin.write('block 1\n');
      const published = Array.from({ length: 100 }, (_, n) => publish('abc'[n % 3] as string, String(n)));
      await Promise.all([...published, ...states.map((state) => state.is(newest))]);
      for (const { gaps } of states) assert.deepEqual(gaps, []);
    }
  });
}

async function outlivesWorker(t: TestContext, deliver: string, topic: string): Promise<void> {
  const relay = nodeProcess(t, [FAILING_RELAY, JSON.stringify({ state: '*', deliver })]);
  const port = await listeningPort(relay);
  const states = Array.from({ length: CLIENTS }, () => new State(clientOf(t, port), topic));
  await Promise.all(states.map(({ ready }) => ready));
  const publisher = clientOf(t, port);
  const newest = new Map<string, string>();
  let number = 0;
  // One that was on its way through the worker that died has no answer: it is published again.
  const publish = async (key: string): Promise<void> => {
    const value = String(++number);
    newest.set(key, value);
    while (
      !(await publisher.publish(topic, `${key}|${value}`, { key }).then(
        () => true,
        () => false,
      ))
    );
  };
  for (const key of 'abcdeabcde') await publish(key);
  await Promise.all(states.map((state) => state.is(newest)));

  relay.child.stdin.write('throw 1\n');
  await relay.seen(/this worker was told to fail/);
  for (const key of 'axbya') await publish(key);
  await relay.seen(/"msg":"worker started anew"/);
  const fresh = Array.from({ length: CLIENTS }, () => new State(clientOf(t, port), topic));
  await Promise.all([...states, ...fresh].map((state) => state.is(newest)));
  for (const { gaps } of states)
    assert.ok(
      gaps.every((reason) => reason === 'epoch-changed'),
      gaps.join(),
    );

  // And what is published after it comes to all.
  await publish('a');
  await publish('z');
  await Promise.all([...states, ...fresh].map((state) => state.is(newest)));
}
