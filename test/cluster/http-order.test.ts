// HTTP publishes whose publisher waits for each answer, sent to two nodes in turn as a balancer does: their order, and
// what the answer says when NATS does not have them.
import assert from 'node:assert/strict';
import { Agent, request } from 'node:http';
import { type TestContext, test } from 'node:test';
import { type ServeProcess, serve } from '../support/fanwire-process.js';
import { NatsServer } from '../support/nats-server.js';
import { SocketClient } from '../support/socket-client.js';

const PUBLISHES = 400;

interface Published {
  readonly status: number;
  readonly body: {
    readonly subscribers?: number;
    readonly seq?: number;
    readonly accepted?: number;
    readonly error?: { readonly code: string };
  };
}

/** Publishes by HTTP over connections that are kept. */
function publisher(t: TestContext) {
  const agent = new Agent({ keepAlive: true });
  t.after(() => agent.destroy());
  return ({ port }: ServeProcess, path: string, data: string): Promise<Published> =>
    new Promise((resolve, reject) => {
      const headers = { 'content-type': 'text/plain' };
      const sent = request({ agent, port, host: '127.0.0.1', method: 'POST', path, headers }, async (response) => {
        const body = Buffer.concat(await response.toArray()).toString();
        resolve({ status: response.statusCode ?? 0, body: JSON.parse(body) });
      });
      sent.on('error', reject);
      sent.end(data);
    });
}

for (const [kind, flags] of [
  ['without history', []],
  ['with history', ['--history', '*=1000,1m,1m']],
  ['without history, several workers on each node', ['--workers', '2']],
] as const) {
  test(`awaited publishes that alternate between two nodes arrive in order: ${kind}`, async (t) => {
    const nats = await NatsServer.startJetStream(t);
    const start = (): Promise<ServeProcess> => serve(t, ['--cluster', nats.url, ...flags]);
    const nodes = [await start(), await start()] as const;
    const subscribers = await Promise.all(
      [0, 1, 0, 1].map((n) => SocketClient.open(t, (nodes[n] as ServeProcess).url('t'))),
    );
    await nats.subscribed('fanwire.t.*', 2);
    const publish = publisher(t);
    for (let n = 0; n < PUBLISHES; n++) {
      const { status, body } = await publish(nodes[n % 2] as ServeProcess, '/publish/t', String(n));
      assert.equal(status, 202);
      assert.equal((body.seq ?? 0) > 0, kind === 'with history');
    }
    const expected = Array.from({ length: PUBLISHES }, (_, n) => String(n));
    for (const subscriber of subscribers) {
      await subscriber.count(PUBLISHES);
      assert.deepEqual(subscriber.texts, expected);
    }
  });
}

test('where only the newest is delivered, NATS has a publish when it is answered, as elsewhere', async (t) => {
  const nats = await NatsServer.start(t);
  for (const args of [[], ['--workers', '2']]) {
    const relay = await serve(t, ['--cluster', nats.url, '--deliver', '*=1h,latest', ...args]);
    const publish = publisher(t);
    const forwarded = async (): Promise<number> => {
      const stats = await (await fetch(`http://127.0.0.1:${relay.adminPort}/stats`)).json();
      return (stats as { cluster: { forwarded: number } }).cluster.forwarded;
    };
    for (let n = 1; n <= 5; n++) {
      await publish(relay, '/publish/t', String(n));
      assert.equal(await forwarded(), n);
    }
  }
});

test('?confirm=cluster is answered 202 when NATS has the message and 503 when not; without it a publish is taken either way', async (t) => {
  const nats = await NatsServer.start(t);
  for (const args of [[], ['--workers', '2']]) {
    const relay = await serve(t, ['--cluster', nats.url, ...args]);
    const publish = publisher(t);
    assert.equal((await publish(relay, '/publish/t?confirm=cluster', 'x')).status, 202);
    assert.equal((await publish(relay, '/publish?confirm=cluster', '{"topic":"t","data":1}')).body.accepted, 1);
    await nats.freeze();
    const stalled = await publish(relay, '/publish/t?confirm=cluster', 'x');
    assert.deepEqual([stalled.status, stalled.body.error?.code], [503, 'FANWIRE_UNCONFIRMED']);
    assert.equal((await publish(relay, '/publish/t', 'x')).status, 202);
    assert.equal((await publish(relay, '/publish/t?confirm=node', 'x')).status, 202);
    nats.thaw();
    await nats.kill();
    await relay.seen(/NATS is away/);
    const away = await publish(relay, '/publish?confirm=cluster', '{"topic":"t","data":1}');
    assert.deepEqual([away.status, away.body.error?.code], [503, 'FANWIRE_UNCONFIRMED']);
    assert.equal((await publish(relay, '/publish/t', 'x')).status, 202);
    const wrong = await publish(relay, '/publish/t?confirm=galaxy', 'x');
    assert.deepEqual([wrong.status, wrong.body.error?.code], [400, 'FANWIRE_PUBLISH_QUERY']);
    await nats.start();
  }
});

test('a message that NATS does not take for its size is not confirmed', async (t) => {
  const nats = await NatsServer.start(t);
  const relay = await serve(t, ['--cluster', nats.url, '--max-payload', '2m']);
  const publish = publisher(t);
  const large = await publish(relay, '/publish/t?confirm=cluster', 'x'.repeat(1_500_000));
  assert.deepEqual([large.status, large.body.error?.code], [503, 'FANWIRE_UNCONFIRMED']);
  assert.equal((await publish(relay, '/publish/t?confirm=cluster', 'small')).status, 202);
});

test('without a cluster ?confirm=cluster says yes at once, also for numbered topics', async (t) => {
  const relay = await serve(t, ['--history', 'kept*=10,1m,1m', '--workers', '2']);
  const publish = publisher(t);
  assert.equal((await publish(relay, '/publish/t?confirm=cluster', 'x')).status, 202);
  const kept = await publish(relay, '/publish/kept?confirm=cluster', 'x');
  assert.deepEqual([kept.status, kept.body.subscribers, kept.body.seq], [202, 0, 1]);
});
