// What a client is told and may ask for when it comes, on one thread, several, and several nodes: its limits, the last
// messages that are kept, and that a publish it says again after a cut arrives once.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ServerOp } from '../../../src/protocol/ops.js';
import { EnvelopedClient } from '../../support/enveloped-client.js';
import { everywhere, nodeAt } from '../../support/everywhere.js';
import { type ServeProcess, serve } from '../../support/fanwire-process.js';

const HISTORY = ['--history', 'kept*=20,10m,1m', '--history-max-bytes', '16m'];
const ROUNDS = 6;

const portOf = (nodes: readonly ServeProcess[], n: number): number => nodeAt(nodes, n).port;
const dataOf = (messages: readonly { data: unknown }[]): unknown[] => messages.map(({ data }) => data);

test('a newcomer gets the last messages kept, as many as it asks for, then what is live, without a gap or a repeat', (t) =>
  everywhere(t, HISTORY, async (t, nodes) => {
    const publisher = await EnvelopedClient.open(t, portOf(nodes, 0));
    const publish = (data: number) => publisher.ask({ op: 'pub', topic: 'kept', data });
    for (let n = 1; n <= 30; n++) await publish(n);
    for (let round = 0; round < ROUNDS; round++) {
      const newcomer = await EnvelopedClient.open(t, portOf(nodes, round));
      const live: Promise<unknown>[] = [publish(100 + round)];
      const answer = await newcomer.ask({ op: 'sub', topic: 'kept', rewind: 5 });
      live.push(publish(200 + round));
      await Promise.all(live);
      const heard = dataOf(await newcomer.until(messagesUpTo(200 + round)));
      // The one published as it came is among the kept ones or follows them.
      const [first] = heard as number[];
      const whole = [...Array(30).keys()].map((n) => n + 1);
      for (let n = 0; n <= round; n++) whole.push(100 + n, 200 + n);
      assert.deepEqual(heard, whole.slice(whole.indexOf(first as number)));
      assert.ok(heard.length === 6 || heard.length === 7, `${heard}`);
      assert.ok(
        answer.op === 'ok' && answer.replayed === 5 && (answer.after ?? 0) < (answer.seq ?? 0),
        JSON.stringify(answer),
      );
      newcomer.socket.close();
    }
    const all = await EnvelopedClient.open(t, portOf(nodes, 0));
    await all.ask({ op: 'sub', topic: 'kept', rewind: 1_000_000 });
    assert.equal((await all.messages(20)).length, 20);
    const gone = await all.ask({ op: 'sub', topic: 'kept/2', since: { epoch: 'another', seq: 3 }, rewind: 3 });
    assert.ok(gone.op === 'ok' && gone.recovered === false && gone.reason === 'epoch-changed' && gone.replayed === 0);
    const plain = await all.ask({ op: 'sub', topic: 'plain', rewind: 3 });
    assert.equal(plain.op === 'error' && plain.code, 'FANWIRE_NOT_KEPT', JSON.stringify(plain));
    assert.equal((await all.ask({ op: 'sub', topic: 'plain', rewind: 0 })).op, 'ok');
    assert.equal((await all.ask({ op: 'sub', topic: 'kept', rewind: -1 })).op, 'error');
  }));

function messagesUpTo(last: number) {
  return (heard: readonly ServerOp[]) => {
    const messages = heard.filter((said) => said.op === 'msg');
    return messages.at(-1)?.data === last ? messages : undefined;
  };
}

test('a publish said again with its id arrives once, and is answered as the first time, on whatever thread or node', (t) =>
  everywhere(t, HISTORY, async (t, nodes) => {
    const listener = await EnvelopedClient.open(t, portOf(nodes, 1));
    await listener.ask({ op: 'sub', topic: 'kept' });
    for (let n = 0; n < ROUNDS; n++) {
      const pub = { op: 'pub', topic: 'kept', data: n, pid: `id-${n}` };
      const once = await (await EnvelopedClient.open(t, portOf(nodes, n))).ask(pub);
      const again = await (await EnvelopedClient.open(t, portOf(nodes, n + 1))).ask({ ...pub, repeat: 50 });
      assert.ok(once.op === 'ok' && once.seq !== undefined);
      assert.ok(again.op === 'ok' && again.seq === once.seq, JSON.stringify(again));
      const other = await (await EnvelopedClient.open(t, portOf(nodes, n))).ask({ ...pub, pid: `new-${n}` });
      assert.ok(other.op === 'ok' && (other.seq ?? 0) > once.seq);
    }
    const heard = dataOf(await listener.messages(2 * ROUNDS));
    assert.deepEqual(heard, [0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5]);
    const late = await (await EnvelopedClient.open(t, portOf(nodes, 0))).ask({
      op: 'pub',
      topic: 'kept',
      data: 'first said long ago',
      pid: 'unheard of',
      repeat: 600_000,
    });
    assert.ok(late.op === 'error' && late.code === 'FANWIRE_UNCONFIRMED', JSON.stringify(late));
  }));

test('without history an id is known to the thread it came to: one thread repeats safely, of several none claims to know', async (t) => {
  for (const args of [[], ['--workers', '3']]) {
    const relay = await serve(t, args);
    const listener = await EnvelopedClient.open(t, relay.port);
    await listener.ask({ op: 'sub', topic: 'plain' });
    // The relay was there for longer than the publish is old.
    const until = performance.now() + 100;
    while (performance.now() < until) await listener.handled();
    const pub = { op: 'pub', topic: 'plain', data: 'once', pid: 'a' };
    await (await EnvelopedClient.open(t, relay.port)).ask(pub);
    const again = await (await EnvelopedClient.open(t, relay.port)).ask({ ...pub, repeat: 20 });
    const unknown = await (await EnvelopedClient.open(t, relay.port)).ask({
      ...pub,
      data: 'two',
      pid: 'b',
      repeat: 20,
    });
    await (await EnvelopedClient.open(t, relay.port)).ask({ ...pub, data: 'end', pid: 'c' });
    const heard = dataOf(
      await listener.until((said) => {
        const messages = said.filter(({ op }) => op === 'msg') as { data: unknown }[];
        return messages.at(-1)?.data === 'end' ? messages : undefined;
      }),
    );
    if (args.length === 0) {
      assert.deepEqual([again.op, unknown.op], ['ok', 'ok']);
      assert.deepEqual(heard, ['once', 'two', 'end']);
    } else {
      assert.ok(unknown.op === 'error' && unknown.code === 'FANWIRE_UNCONFIRMED');
      assert.deepEqual(heard, ['once', 'end']);
    }
  }
});

test('a client is told its limits before anything else, and each refusal says whether it passes', async (t) => {
  const relay = await serve(t, [
    ...['--max-publish-rate', '2', '--over-publish-limit', 'drop', '--max-payload', '5000', '--max-topics', '1'],
    ...['--presence', '*'],
  ]);
  const client = await EnvelopedClient.open(t, relay.port);
  await client.handled();
  assert.deepEqual(client.hello, {
    op: 'hello',
    limits: { maxPayload: 5000, publishesPerS: 2, opsPerS: 1000 },
    dedupMs: 120_000,
  });
  await client.ask({ op: 'sub', topic: 'a' });
  const full = await client.ask({ op: 'sub', topic: 'b' });
  assert.ok(full.op === 'error' && full.code === 'FANWIRE_TOO_MANY_TOPICS' && full.retryAfterMs === 5000);
  let rate = await client.ask({ op: 'pub', topic: 'a', data: 1 });
  for (let n = 0; n < 10 && rate.op === 'ok'; n++) rate = await client.ask({ op: 'pub', topic: 'a', data: n });
  assert.ok(rate.op === 'error' && rate.code === 'FANWIRE_PUBLISH_RATE' && rate.retryAfterMs === 1000);
  const final = await client.ask({ op: 'presence', topic: '' });
  assert.ok(final.op === 'error' && !('retryAfterMs' in final) && !('authenticate' in final));
  await client.ask({ op: 'unsub', topic: 'a' });
  assert.equal((await client.ask({ op: 'sub', topic: 'b' })).op, 'ok', 'joining takes nothing from the publish budget');
});
