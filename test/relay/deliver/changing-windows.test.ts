// A subscriber whose window changes, or that comes into one by way of the past, misses nothing for it.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import type { Relay } from '../../../src/relay/relay.js';
import { EnvelopedClient } from '../../support/enveloped-client.js';
import { startLocalRelay } from '../../support/local-relay.js';
import { SocketClient } from '../../support/socket-client.js';

const LONG = 3_600_000;

const publish = (relay: Relay, topic: string, text: string): unknown => relay.publish(topic, Buffer.from(text), false);

const dataOf = (client: EnvelopedClient): unknown[] =>
  client.heard.flatMap((said) => (said.op === 'msg' ? [said.data] : []));

for (const deliver of ['', 't=10ms']) {
  test(`who asks for a longer window and for the past hears what comes after it: --deliver "${deliver}"`, async (t) => {
    const { relay, url } = await startLocalRelay(t, { deliver, history: 't=10000,10m,16m' });
    for (let n = 0; n < 1000; n++) publish(relay, 't', String(n));
    const raw = await SocketClient.open(t, `${url}/t?rewind=all&every=${LONG}`);
    const enveloped = await EnvelopedClient.open(t, relay.port);
    enveloped.say({ op: 'sub', topic: 't', rewind: 'all', every: LONG, id: 1 });
    await enveloped.until((heard) => heard.find((said) => said.op === 'ok'));
    // Messages come in while both are on their way.
    let n = 1000;
    while ((relay.topics.find('t')?.entering ?? 0) > 0) {
      publish(relay, 't', String(n++));
      await turn();
    }
    publish(relay, 't', String(n++));
    relay.flush();
    await enveloped.handled();
    await raw.handled();
    const all = Array.from({ length: n }, (_, each) => String(each));
    assert.deepEqual(dataOf(enveloped), all);
    assert.deepEqual(raw.texts, all);
  });
}

interface Change {
  readonly from: object;
  readonly to: object;
}

const CHANGES: Record<string, Change> = {
  'to a longer one': { from: {}, to: { every: LONG } },
  'to a shorter one': { from: { every: LONG }, to: {} },
  'and back within one turn': { from: { every: LONG / 2 }, to: { every: LONG } },
};

/** Whoever is in its window, and one that came in the middle of it, changes it while messages wait. */
async function changing(t: TestContext, given: object, { from, to }: Change): Promise<unknown[][]> {
  const { relay } = await startLocalRelay(t, given);
  const first = await EnvelopedClient.open(t, relay.port, ['fanwire.v1', 'fanwire.batch']);
  await first.ask({ op: 'sub', topic: 't', ...from });
  publish(relay, 't', '1');
  relay.flush();
  publish(relay, 't', '2');
  const second = await EnvelopedClient.open(t, relay.port);
  await second.ask({ op: 'sub', topic: 't', ...from });
  publish(relay, 't', '3');
  publish(relay, 't', '4');
  for (const client of [first, second]) await client.ask({ op: 'sub', topic: 't', ...to });
  publish(relay, 't', '5');
  relay.flush();
  for (const client of [first, second]) await client.handled();
  return [dataOf(first), dataOf(second)];
}

for (const [how, change] of Object.entries(CHANGES)) {
  for (const deliver of ['', 't=30m']) {
    test(`a window that changes ${how} hands on all that waits, once: --deliver "${deliver}"`, async (t) => {
      assert.deepEqual(await changing(t, { deliver }, change), [
        ['1', '2', '3', '4', '5'],
        ['3', '4', '5'],
      ]);
    });
  }
  test(`a newest-only window that changes ${how} hands on what is newest`, async (t) => {
    assert.deepEqual(await changing(t, { deliver: 't=30m,latest' }, change), [
      ['1', '2', '4', '5'],
      ['4', '5'],
    ]);
  });
}

test('a sub in the middle of a burst is answered with a position up to which all has been sent', async (t) => {
  const { relay } = await startLocalRelay(t, { deliver: 'slow=1h', history: 'slow=10,1m,1m' });
  const client = await EnvelopedClient.open(t, relay.port);
  await client.ask({ op: 'sub', topic: 'slow' });
  for (const text of ['1', '2', '3']) publish(relay, 'slow', text);
  const answer = await client.ask({ op: 'sub', topic: 'slow' });
  assert.equal(answer.op === 'ok' && answer.seq, 3);
  assert.deepEqual(dataOf(client), ['1', '2', '3']);
});

test('a replay is not cut short by a change of the window', async (t) => {
  const { relay } = await startLocalRelay(t, { history: 't=10000,10m,16m' });
  for (let n = 0; n < 3000; n++) publish(relay, 't', String(n));
  const client = await EnvelopedClient.open(t, relay.port);
  client.say({ op: 'sub', topic: 't', rewind: 'all', id: 1 });
  client.say({ op: 'sub', topic: 't', every: LONG, id: 2 });
  await client.messages(3000);
  publish(relay, 't', 'live');
  await client.handled();
  relay.flush();
  await client.handled();
  assert.equal(dataOf(client).at(-1), 'live');
});

test('a socket that does not read and changes its newest-only window has the newest when it reads again', async (t) => {
  const { relay } = await startLocalRelay(t, { deliver: 't=1ms,latest', maxBackpressureBytes: 262_144 });
  const client = await EnvelopedClient.open(t, relay.port);
  await client.ask({ op: 'sub', topic: 't' });
  client.socket.pause();
  const padding = 'x'.repeat(40_000);
  for (let n = 0; relay.counters.stalled === 0; n++) {
    publish(relay, 't', `${n} ${padding}`);
    relay.flush();
    await turn();
  }
  publish(relay, 't', 'newest');
  relay.flush();
  client.say({ op: 'sub', topic: 't', every: LONG, id: 1 });
  client.say({ op: 'sub', topic: 't', every: LONG / 2, id: 2 });
  client.socket.resume();
  await client.until((heard) => heard.find((said) => 'id' in said && said.id === 2));
  relay.flush();
  await client.handled();
  assert.equal(dataOf(client).at(-1), 'newest');
  assert.equal(dataOf(client).filter((data) => data === 'newest').length, 1);
});

for (const deliver of ['', 't=1h', 't=1h,latest-by-key']) {
  test(`who leaves a topic first gets what was published before, and comes back without a repeat: --deliver "${deliver}"`, async (t) => {
    const { relay } = await startLocalRelay(t, { deliver });
    const clients = await Promise.all(
      [['fanwire.v1'], ['fanwire.v1', 'fanwire.batch']].map((protocols) =>
        EnvelopedClient.open(t, relay.port, protocols),
      ),
    );
    for (const client of clients) await client.ask({ op: 'sub', topic: 't' });
    publish(relay, 't', 'first');
    for (const client of clients) await client.messages(1);
    for (let n = 0; n < 100; n++) publish(relay, 't', `${n}`);
    for (const client of clients) {
      await client.ask({ op: 'unsub', topic: 't' });
      assert.deepEqual(dataOf(client).slice(-1), ['99']);
    }
    publish(relay, 't', 'meanwhile');
    for (const client of clients) await client.ask({ op: 'sub', topic: 't' });
    publish(relay, 't', 'last');
    relay.flush();
    for (const client of clients) {
      await client.handled();
      assert.deepEqual(dataOf(client).slice(-2), ['99', 'last']);
    }
    const conflated = deliver.endsWith('key') ? 2 * 99 : 0;
    assert.equal(relay.counters.conflated, conflated);
  });
}
