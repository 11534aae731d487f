// Recovery end to end: a real relay, the client library, and connections that are cut at random places all the time.
// What a recovering client has in the end is what was published, in order, once; where the relay itself died, the gap
// is said.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type TestContext, test } from 'node:test';
import fc from 'fast-check';
import { WebSocket } from 'ws';
import { CuttingProxy } from '../support/cutting-proxy.js';
import { delayingProxy } from '../support/delaying-proxy.js';
import { EnvelopedClient } from '../support/enveloped-client.js';
import { type ServeProcess, serve } from '../support/fanwire-process.js';
import { clientOf, Listener, UnbatchedWebSocket } from '../support/listener.js';
import { NatsServer } from '../support/nats-server.js';
import { needs } from '../support/needs.js';

const step = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      burst: fc.integer({ min: 1, max: 120 }),
      size: fc.constantFrom(4, 4, 300, 20_000),
      raw: fc.boolean(),
    }),
  },
  { weight: 2, arbitrary: fc.record({ cutAfter: fc.oneof(fc.nat(200), fc.nat(40_000)) }) },
  { weight: 1, arbitrary: fc.constant({ cutAll: true }) },
);

/** Runs of the property; each has a topic of its own. */
const RUNS = Number(process.env.RUNS ?? 9);

/** `nodes` are the further arguments of each relay. Clients come to them in turn; one has the raw publisher, one the
 *  other. */
async function recoversThroughCuts(t: TestContext, nodes: readonly (readonly string[])[]): Promise<void> {
  const kept = ['--history', 'kept/*=100000,10m,200m', '--history-max-bytes', '1000m'];
  const slow = ['--slow-consumer', 'drop', '--max-backpressure', '64k'];
  const relays = await Promise.all(nodes.map((args) => serve(t, [...kept, ...slow, ...args])));
  const [first] = relays as [ServeProcess];
  const last = relays.at(-1) ?? first;
  let connection = 0;
  const proxy = await CuttingProxy.start(t, () => (relays[connection++ % relays.length] ?? first).port);
  const hasOneOrder = nodes.length === 1 && nodes[0]?.length === 0;
  let run = 0;
  let messages = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40, size: 'max' }), async (steps) => {
      const topic = `kept/${run++}`;
      const clients = [WebSocket, UnbatchedWebSocket, WebSocket].map((Socket) => clientOf(t, proxy.port, Socket));
      const listeners = clients.map((client) => new Listener(client, topic));
      const raw = new WebSocket(`ws://127.0.0.1:${last.port}/${encodeURIComponent(topic)}`);
      await once(raw, 'open');
      const publisher = await EnvelopedClient.open(t, first.port);
      await Promise.all(listeners.map(({ ready }) => ready));
      const byRaw: string[] = [];
      const byEnveloped: string[] = [];
      for (const one of steps) {
        if ('cutAll' in one) proxy.cutAll();
        else if ('cutAfter' in one) proxy.cutAfter(one.cutAfter);
        else {
          for (let n = 0; n < one.burst; n++) {
            const data = `${one.raw ? 'raw' : 'enveloped'} ${byRaw.length + byEnveloped.length} ${'x'.repeat(one.size)}`;
            if (one.raw) raw.send(data);
            else publisher.say({ op: 'pub', topic, data });
            (one.raw ? byRaw : byEnveloped).push(data);
          }
          // With one thread the publishers take turns, so that the order of all is known.
          if (one.raw) {
            raw.ping();
            await once(raw, 'pong');
          } else await publisher.handled();
        }
      }
      const published = byRaw.length + byEnveloped.length;
      await Promise.all(listeners.map((listener) => listener.has(published)));
      const [one, ...others] = listeners.map(({ received }) => received as string[]);
      assert.ok(one);
      for (const client of clients) client.close();
      for (const { gaps } of listeners) assert.deepEqual(gaps, []);
      for (const received of others) assert.deepEqual(received, one, 'two clients received in different orders');
      const by = (who: string): string[] => one.filter((data) => data.startsWith(who));
      assert.deepEqual(by('raw'), byRaw);
      assert.deepEqual(by('enveloped'), byEnveloped);
      const numbers = one.map((data) => Number(data.split(' ')[1]));
      if (hasOneOrder) assert.deepEqual(numbers, [...one.keys()]);
      publisher.socket.close();
      raw.close();
      messages += published;
    }),
    { numRuns: RUNS, endOnFailure: true, includeErrorInReport: true },
  );
  t.diagnostic(
    `${run} runs, ${messages} messages published, ${proxy.cuts} connections cut, nothing missed, nothing twice`,
  );
}

test('whatever is cut and whenever, each client ends with exactly what was published', (t) =>
  recoversThroughCuts(t, [[]]));

test('with several workers too, in one order for all, whichever worker a client comes back to', (t) =>
  recoversThroughCuts(t, [['--workers', '3']]));

test('and in a cluster, whichever node a client comes back to', needs('nats-server'), async (t) => {
  const nats = await NatsServer.startJetStream(t);
  await recoversThroughCuts(t, [
    ['--cluster', nats.url],
    ['--cluster', nats.url],
  ]);
});

test('and where one node hears of everything later than the other', needs('nats-server'), async (t) => {
  const nats = await NatsServer.startJetStream(t);
  const far = await delayingProxy(t, nats.port, 20);
  await recoversThroughCuts(t, [
    ['--cluster', nats.url],
    ['--cluster', `nats://127.0.0.1:${far}`],
  ]);
});
