// Messages of one key that come from several threads or nodes, each of which may have waited in a window on its way:
// every reader ends with the one that was published last.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import fc from 'fast-check';
import { LastUpdates, PublishClock } from '../../../src/bus/last-updates.js';
import { EnvelopedClient } from '../../support/enveloped-client.js';
import { type ServeProcess, serve } from '../../support/fanwire-process.js';
import { NatsServer } from '../../support/nats-server.js';
import { SocketClient } from '../../support/socket-client.js';
import { relaysInWindows } from '../../support/windowed-relays.js';

const RELAYS = 3;
const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ publishAt: fc.nat(RELAYS - 1), key: fc.constantFrom('a', 'b') }),
  },
  { weight: 2, arbitrary: fc.record({ endWindowsOf: fc.nat(RELAYS - 1) }) },
  { weight: 2, arbitrary: fc.record({ deliverTo: fc.nat(RELAYS - 1) }) },
  { weight: 1, arbitrary: fc.record({ passMs: fc.constantFrom(1, 50) }) },
);

test('whatever waits where, the readers of all relays end with what was published last, and all is accounted for', () => {
  fc.assert(
    fc.property(
      fc.array(step, { maxLength: 100, size: 'max' }),
      fc.array(fc.constantFrom(0, 0, -5, 30), { minLength: RELAYS, maxLength: RELAYS }),
      (steps, clocksAheadMs) => {
        const relays = relaysInWindows('t=1h,latest-by-key', clocksAheadMs);
        const last = new Map<string, string>();
        let published = 0;
        for (const each of steps) {
          if ('publishAt' in each) {
            const text = `${each.key}:${++published}`;
            // Clocks that differ agree once a message has come: until then nobody can know which was last.
            if (clocksAheadMs.some((ms) => ms !== 0)) relays.deliverAll();
            relays.publish(each.publishAt, each.key, text);
            last.set(each.key, text);
            relays.pass(0.01);
          } else if ('endWindowsOf' in each) relays.endWindows(each.endWindowsOf);
          else if ('deliverTo' in each) relays.deliverTo(each.deliverTo);
          else relays.pass(each.passMs);
        }
        relays.settle();
        // It tells of what had been overtaken last.
        relays.publish(0, 'z', 'z');
        last.set('z', 'z');
        published++;
        relays.settle();
        for (const { got, skipped } of relays.readers) {
          const ended = new Map(got.map((text) => [text.slice(0, 1), text]));
          assert.deepEqual(new Map([...ended].sort()), new Map([...last].sort()));
          assert.equal(got.length + skipped, published, 'each is told what was replaced');
        }
        assert.equal(relays.delivered + relays.conflated, published * RELAYS);
      },
    ),
    { numRuns: 300 },
  );
});

test('updates are remembered as long as another may be on its way, and of so many keys', () => {
  let now = 0;
  const clock = new PublishClock(() => now);
  const updates = new LastUpdates(clock, 100);
  assert.ok(updates.note('a', 10));
  assert.ok(!updates.note('a', 9));
  assert.ok(updates.note('a', 10), 'of one moment the last to come');
  now = 101;
  assert.ok(updates.note('b', 101));
  assert.ok(!updates.note('a', 9), 'at least so long');
  now = 300;
  assert.ok(updates.note('b', 300));
  now = 500;
  assert.ok(updates.note('b', 500));
  assert.ok(updates.note('a', 9), 'nothing is on its way for so long');
  const topics = [updates, ...Array.from({ length: 20 }, () => new LastUpdates(clock, 100))];
  for (const topic of topics) for (let key = 0; key < 25_000; key++) topic.note(String(key), now);
  assert.ok(clock.keys <= 100_000, `${clock.keys} keys`);
  for (const topic of topics) topic.end();
  assert.equal(clock.keys, 0, 'topics that are gone leave nothing');
});

/** Publishers take turns with one key, each over a socket of its own; readers of all nodes and workers end with the
 *  last. Of a state, NATS may get what two nodes hold in either order where their windows end together: then with one
 *  of the last two, the same for all. */
async function takeTurns(
  t: Parameters<typeof serve>[0],
  nodes: readonly ServeProcess[],
  lasts: readonly string[] = ['k:30'],
): Promise<void> {
  const readers = await Promise.all(
    Array.from({ length: 8 }, (_, n) => SocketClient.open(t, (nodes[n % nodes.length] as ServeProcess).url('t'))),
  );
  const publishers = await Promise.all(
    Array.from({ length: 6 }, (_, n) => EnvelopedClient.open(t, (nodes[n % nodes.length] as ServeProcess).port)),
  );
  for (let n = 1; n <= 30; n++) {
    const publisher = publishers[n % publishers.length] as EnvelopedClient;
    publisher.say({ op: 'pub', topic: 't', key: 'k', data: `k:${n}` });
    // The next is published after this one, wherever it is, by clocks that count whole milliseconds, too.
    await publisher.handled();
    await setTimeout(3);
  }
  // What waits on its way goes out before this does.
  for (const publisher of publishers)
    publisher.say({ op: 'pub', topic: 't', key: `end ${publishers.indexOf(publisher)}`, data: 'end' });
  const ended = new Set<string | undefined>();
  for (const reader of readers) {
    await reader.until(() => reader.texts.filter((text) => text === 'end').length === publishers.length);
    ended.add(reader.texts.filter((text) => text !== 'end').at(-1));
  }
  const [last = ''] = ended;
  assert.equal(ended.size, 1, 'the same for all');
  assert.ok(lasts.includes(last), last);
}

for (const [kind, flags] of [
  ['workers', ['--workers', '3']],
  ['workers, with a state', ['--workers', '3', '--state', 't']],
] as const) {
  test(`publishers that take turns leave every reader with the last: ${kind}`, async (t) => {
    await takeTurns(t, [await serve(t, ['--deliver', 't=300ms,latest-by-key', ...flags])]);
  });
}

for (const [kind, flags] of [
  ['nodes', []],
  ['nodes, with a state', ['--state', 't']],
] as const) {
  test(`publishers that take turns leave every reader with the last: ${kind}`, async (t) => {
    const nats = await NatsServer.startJetStream(t);
    const rules = ['--deliver', 't=300ms,latest-by-key', ...flags];
    const node = (): Promise<ServeProcess> => serve(t, [...rules, '--cluster', nats.url]);
    const nodes = [await node(), await node()];
    for (const each of nodes) await SocketClient.open(t, each.url('t'));
    if (flags.length === 0) await nats.subscribed('fanwire.t.*', 2);
    await takeTurns(t, nodes, flags.length === 0 ? undefined : ['k:29', 'k:30']);
  });
}
