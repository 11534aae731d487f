// How a subscriber begins in the past, raw and enveloped, on one thread, several, and several nodes: by number, by
// time, with the last, with all; what is kept comes first, then what is live, without a gap or a repeat.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { WebSocket } from 'ws';
import { EnvelopedClient } from '../../support/enveloped-client.js';
import { everywhere, nodeAt } from '../../support/everywhere.js';
import { runFanwire, type ServeProcess, serve } from '../../support/fanwire-process.js';
import { clientOf } from '../../support/listener.js';
import { refusalOf } from '../../support/local-relay.js';
import { SocketClient } from '../../support/socket-client.js';

const HISTORY = ['--history', 'kept*=20,10m,1m', '--history-max-bytes', '16m'];

const numbers = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, n) => from + n);

function rawFrom(t: TestContext, node: ServeProcess, rewind: string): Promise<SocketClient> {
  return SocketClient.open(t, `${node.url('kept')}?rewind=${rewind}`);
}

test('each way to begin gives what it says, to raw and enveloped subscribers alike, and then what is live', (t) =>
  everywhere(t, HISTORY, async (t, nodes) => {
    const publisher = await EnvelopedClient.open(t, nodeAt(nodes, 0).port);
    const publish = (data: number) => publisher.ask({ op: 'pub', topic: 'kept', data, pid: `p${data}` });
    for (const n of numbers(1, 30)) await publish(n);
    const cases: [string, number[]][] = [
      ['0', []],
      ['7', numbers(24, 30)],
      ['last', [30]],
      ['all', numbers(11, 30)],
      ['1000', numbers(11, 30)],
      ['10m', numbers(11, 30)],
      ['1ms', []],
    ];
    const all = await Promise.all(
      cases.map(async ([rewind, expected], n) => {
        const node = nodeAt(nodes, n);
        const raw = await rawFrom(t, node, rewind);
        const enveloped = await EnvelopedClient.open(t, node.port);
        const answer = await enveloped.ask({ op: 'sub', topic: 'kept', rewind });
        assert.ok(answer.op === 'ok', JSON.stringify(answer));
        assert.equal(answer.replayed ?? 0, expected.length, rewind);
        return { rewind, expected, raw, enveloped };
      }),
    );
    for (const { raw, expected } of all) await raw.count(expected.length);
    await Promise.all(all.map(({ enveloped }) => enveloped.ask({ op: 'sub', topic: 'kept' })));
    await publish(31);
    for (const { rewind, expected, raw, enveloped } of all) {
      const whole = [...expected, 31];
      assert.deepEqual(
        (await enveloped.messages(whole.length)).map(({ data }) => data),
        whole,
        rewind,
      );
      await raw.count(whole.length);
      assert.deepEqual(raw.texts.map(Number), whole, `raw ${rewind}`);
    }
  }));

test('raw newcomers that publish as they come get the past and all others, in one order, and never what they sent', (t) =>
  everywhere(t, HISTORY, async (t, nodes) => {
    const publisher = await EnvelopedClient.open(t, nodeAt(nodes, 0).port);
    for (const n of numbers(1, 10)) await publisher.ask({ op: 'pub', topic: 'kept', data: n });
    const witness = await EnvelopedClient.open(t, nodeAt(nodes, 1).port);
    await witness.ask({ op: 'sub', topic: 'kept', rewind: 'all' });
    const sockets = await Promise.all(
      numbers(0, 5).map((n) => {
        const socket = new WebSocket(`${nodeAt(nodes, n).url('kept')}?rewind=10`);
        t.after(() => socket.terminate());
        const heard: string[] = [];
        socket.on('message', (data) => heard.push(String(data)));
        return new Promise<{ socket: WebSocket; heard: string[]; own: string }>((resolve, reject) => {
          socket.once('error', reject);
          socket.once('open', () => {
            socket.send(`own ${n}`);
            resolve({ socket, heard, own: `own ${n}` });
          });
        });
      }),
    );
    await witness.messages(16);
    await publisher.ask({ op: 'pub', topic: 'kept', data: 'end' });
    const order = (await witness.messages(17)).map(({ data }) => String(data));
    for (const { socket, heard, own } of sockets) {
      while (heard.at(-1) !== 'end') await new Promise((resolve) => socket.once('message', resolve));
      assert.ok(!heard.includes(own), `${own} came back: ${heard}`);
      // It began with the last ten of some moment: from there on it has all but its own.
      const expected = order.slice(order.indexOf(heard[0] as string)).filter((each) => each !== own);
      assert.deepEqual(heard, expected);
    }
  }));

test('binary and JSON come back to raw newcomers as they were published', async (t) => {
  const relay = await serve(t, HISTORY);
  const publisher = await EnvelopedClient.open(t, relay.port);
  await publisher.ask({ op: 'pub', topic: 'kept', data: { a: ',"pid":"x"' }, pid: 'é"\\' });
  await publisher.ask({ op: 'pub', topic: 'kept', data: 'AP8B', encoding: 'base64', pid: 'b' });
  await publisher.ask({ op: 'pub', topic: 'kept', data: 'a "text",' });
  const socket = new WebSocket(`${relay.url('kept')}?rewind=3`);
  const heard: [string, boolean][] = [];
  await new Promise<void>((resolve) => {
    socket.on('message', (data: Buffer, isBinary) => {
      heard.push([data.toString(isBinary ? 'hex' : 'utf8'), isBinary]);
      if (heard.length === 3) resolve();
    });
  });
  socket.terminate();
  assert.deepEqual(heard, [
    ['{"a":",\\"pid\\":\\"x\\""}', false],
    ['00ff01', true],
    ['a "text",', false],
  ]);
});

test('a herd of raw newcomers amid a flood misses nothing and gets nothing twice', async (t) => {
  const relay = await serve(t, ['--history', 'kept=5000,10m,10m']);
  const publisher = await EnvelopedClient.open(t, relay.port);
  let published = 0;
  const flood = (count: number): void => {
    for (let n = 0; n < count; n++) publisher.say({ op: 'pub', topic: 'kept', data: ++published });
  };
  flood(3000);
  await publisher.handled();
  const joining = numbers(1, 30).map((n) => rawFrom(t, relay, String(n * 50)));
  for (let n = 0; n < 30; n++) {
    flood(50);
    await publisher.handled();
  }
  const sockets = await Promise.all(joining);
  flood(1);
  await publisher.handled();
  for (const socket of sockets) {
    while (Number(socket.texts.at(-1)) !== published) await socket.count(socket.texts.length + 1);
    const first = Number(socket.texts[0]);
    assert.deepEqual(socket.texts.map(Number), numbers(first, published));
  }
});

test('a rewind that cannot be is refused with a code, on every road', async (t) => {
  const relay = await serve(t, HISTORY);
  const client = await EnvelopedClient.open(t, relay.port);
  for (const rewind of [-1, 1.5, 1_000_001, '1x', '8d', '0s', '', 'first', null, {}, [5], true]) {
    const answer = await client.ask({ op: 'sub', topic: 'kept', rewind });
    assert.ok(answer.op === 'error' && answer.code === 'FANWIRE_OP_FIELD', JSON.stringify([rewind, answer]));
  }
  const off = await client.ask({ op: 'sub', topic: 'plain', rewind: '30s' });
  assert.ok(off.op === 'error' && off.code === 'FANWIRE_NOT_KEPT' && off.retryAfterMs === undefined);
  const since = await client.ask({ op: 'sub', topic: 'plain', rewind: 5, since: { epoch: 'x', seq: 1 } });
  assert.ok(since.op === 'ok' && since.reason === 'no-history', 'a client that comes back learns it from its answer');
  assert.equal((await refusalOf(`${relay.url('kept')}?rewind=soon`)).code, 'FANWIRE_WS_QUERY');
  const { status, code } = await refusalOf(`${relay.url('plain')}?rewind=5`);
  assert.deepEqual([status, code], [404, 'FANWIRE_NOT_KEPT']);
  const usage = await runFanwire(t, ['sub', relay.url('kept'), '--rewind', 'soon']);
  assert.deepEqual([usage.code, /--rewind is .*got "soon".*FANWIRE_USAGE_RANGE/.test(usage.stderr)], [2, true]);
  const refused = await runFanwire(t, ['sub', relay.url('plain'), '--rewind', '5']);
  assert.deepEqual([refused.code, /404 FANWIRE_NOT_KEPT/.test(refused.stderr)], [1, true], refused.stderr);
});

test('`fanwire sub --rewind` and the client begin in the past; the client goes on live where there is none', async (t) => {
  const relay = await serve(t, HISTORY);
  const client = clientOf(t, relay.port);
  for (const n of numbers(1, 5)) await client.publish('kept', n);
  const printed = await runFanwire(t, ['sub', relay.url('kept'), '--rewind', '2', '-n', '2']);
  assert.deepEqual([printed.code, printed.stdout], [0, '4\n5\n'], printed.stderr);
  const heard: unknown[] = [];
  const codes: string[] = [];
  const other = clientOf(t, relay.port);
  other.on('error', ({ code }) => codes.push(code));
  await other.subscribe('kept', ({ data }) => heard.push(data), { rewind: 'last' }).ready;
  const plain = other.subscribe('plain', undefined, { rewind: 10 });
  const messages = plain[Symbol.asyncIterator]();
  await plain.ready;
  await client.publish('plain', 'live');
  assert.equal((await messages.next()).value?.data, 'live');
  assert.deepEqual(codes, ['FANWIRE_NOT_KEPT']);
  assert.deepEqual(heard, [5]);
});

test('several subs of one topic are done and answered in their order, and an unsub after them', (t) =>
  everywhere(t, HISTORY, async (t, nodes) => {
    const client = await EnvelopedClient.open(t, nodeAt(nodes, 0).port);
    // Some of these topics are kept by another thread, and their answers wait for it.
    const topics = numbers(1, 8).map((n) => `kept/${n}`);
    for (const topic of topics) await client.ask({ op: 'pub', topic, data: topic });
    for (const topic of topics) {
      client.say({ op: 'sub', topic, id: 1, rewind: 'all' });
      client.say({ op: 'sub', topic, id: 2 });
    }
    await client.messages(topics.length);
    for (const topic of topics.map((each) => `${each}/left`)) {
      client.say({ op: 'sub', topic, id: 1 });
      client.say({ op: 'sub', topic, id: 2, rewind: 'last' });
      client.say({ op: 'unsub', topic, id: 3 });
    }
    const answersTo = (topic: string): unknown[] =>
      client.heard.flatMap((said) => (said.op === 'ok' && said.topic === topic ? [said.id] : []));
    await client.until(() => answersTo('kept/8/left').length === 3 || undefined);
    for (const topic of topics) {
      assert.deepEqual(answersTo(topic), [1, 2]);
      assert.deepEqual(answersTo(`${topic}/left`), [1, 2, 3]);
    }
  }));
