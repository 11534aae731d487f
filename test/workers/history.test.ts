// History with several workers: a worker that dies takes only the topics it owned with it, and nobody is left believing
// otherwise.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { slotOf } from '../../src/bus/interest-table.js';
import { listeningPort, nodeProcess } from '../support/fanwire-process.js';
import { clientOf, Listener } from '../support/listener.js';

const FAILING_RELAY = fileURLToPath(new URL('./failing-relay.js', import.meta.url));
/** So many clients that both workers have some: the chance that one has none is 1 in 2^19. */
const CLIENTS = 20;

const topicOf = (worker: number): string => {
  for (let n = 0; ; n++) if (slotOf(`topic-${n}`) % 2 === worker) return `topic-${n}`;
};
const LOST = topicOf(1);
const STAYS = topicOf(0);

test('a worker that dies loses the history of its own topics and says so; those of others recover to the message', async (t) => {
  const relay = nodeProcess(t, [FAILING_RELAY, JSON.stringify({ history: '*=10000,10m,10m' })]);
  const port = await listeningPort(relay);
  const clients = Array.from({ length: CLIENTS }, () => clientOf(t, port));
  const listeners = (topic: string) => clients.map((client) => new Listener(client, topic));
  const [ofLost, ofStays] = [listeners(LOST), listeners(STAYS)];
  await Promise.all([...ofLost, ...ofStays].map(({ ready }) => ready));
  const publisher = clientOf(t, port);
  let published = 0;
  // A publish that was on its way through the worker that died has no answer, or an error: both are said.
  const publish = (topic: string, data: unknown) =>
    publisher.publish(topic, data).catch((error: { code: string }) => {
      assert.match(error.code, /^FANWIRE_(CLIENT_)?UNCONFIRMED$/);
    });
  for (let n = 0; n < 50; n++) {
    await Promise.all([publish(STAYS, published++), publish(LOST, n)]);
  }
  await Promise.all(
    [...ofLost, ...ofStays].map((listener) => listener.until(({ received }) => received.length === 50)),
  );

  relay.child.stdin.write('throw 1\n');
  await relay.seen(/this worker was told to fail/);
  const attempts = Array.from({ length: 50 }, () => publish(STAYS, published++));
  await Promise.all(attempts);
  await relay.seen(/"msg":"worker started anew"/);
  for (let n = 0; n < 10; n++) await publish(STAYS, published++);
  await publish(STAYS, 'end');
  for (const listener of ofStays) {
    await listener.until(({ received }) => received.includes('end'));
    assert.deepEqual(listener.gaps, []);
    const [first] = ofStays as [Listener];
    assert.deepEqual(listener.received, first.received, 'two clients have different histories');
    assert.equal(new Set(listener.received).size, listener.received.length, 'something came twice');
  }

  // Its sequence starts anew: each subscriber hears of a gap before it hears of anything that comes after.
  await publish(LOST, 'breaks the sequence off');
  await Promise.all(ofLost.map((listener) => listener.until(({ gaps }) => gaps.length > 0)));
  for (const { gaps } of ofLost) assert.deepEqual(new Set(gaps), new Set(['epoch-changed']));
  await publish(LOST, 'end');
  await Promise.all(ofLost.map((listener) => listener.until(({ received }) => received.includes('end'))));
  relay.child.kill('SIGTERM');
  assert.deepEqual(await relay.exited, { code: 0, signal: null });
});
