// The counters add up: what was published, times the subscribers it was meant for, is what was delivered, conflated and
// lost. Each subscriber that is told such things can say the same for itself. Over real sockets, some of which do not
// read for a while.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import fc from 'fast-check';
import type { Relay } from '../../../src/relay/relay.js';
import { EnvelopedClient } from '../../support/enveloped-client.js';
import { startLocalRelay, until } from '../../support/local-relay.js';
import { SocketClient } from '../../support/socket-client.js';

const TOPIC = 't';
const HOUR = 3_600_000;
const BATCHED = ['fanwire.v1', 'fanwire.batch'];

/** One subscriber, and what it is owed: messages published while it is subscribed, but for its own. */
interface Reader {
  readonly socket: { pause(): void; resume(): void };
  owed: number;
  isIn: boolean;
  /** Messages that it got, and those that it was told were replaced or lost. */
  accounted(): { readonly got: number; readonly told: number };
  publish(text: string, key: string): void;
  handled(): Promise<void>;
  /** Undefined for a raw one, which cannot. */
  readonly enveloped: EnvelopedClient | undefined;
}

async function rawReader(t: TestContext, url: string): Promise<Reader> {
  const client = await SocketClient.open(t, `${url}/${TOPIC}`);
  return {
    socket: client.socket,
    owed: 0,
    isIn: true,
    accounted: () => ({ got: client.received.length, told: 0 }),
    publish: (text) => client.socket.send(text),
    handled: () => client.handled(),
    enveloped: undefined,
  };
}

async function envelopedReader(t: TestContext, port: number, protocols?: string[]): Promise<Reader> {
  const client = await EnvelopedClient.open(t, port, protocols);
  await client.ask({ op: 'sub', topic: TOPIC });
  return {
    socket: client.socket,
    owed: 0,
    isIn: true,
    accounted() {
      let got = 0;
      let told = 0;
      for (const said of client.heard) {
        if (said.op === 'msg') got++;
        if (said.op === 'msg') told += said.skipped ?? 0;
        if (said.op === 'lost') told += said.count;
      }
      return { got, told };
    },
    publish: (text, key) => client.say({ op: 'pub', topic: TOPIC, data: text, key }),
    handled: () => client.handled(),
    enveloped: client,
  };
}

const who = fc.nat(4);
const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      publish: fc.option(who, { nil: undefined }),
      burst: fc.constantFrom(1, 3, 40),
      bytes: fc.constantFrom(10, 1000, 30_000),
      key: fc.constantFrom('a', 'b', 'c'),
    }),
  },
  { weight: 3, arbitrary: fc.record({ stall: who }) },
  { weight: 2, arbitrary: fc.record({ resume: who }) },
  { weight: 2, arbitrary: fc.constant({ isWindowEnd: true as const }) },
  { weight: 1, arbitrary: fc.record({ every: fc.constantFrom(undefined, 1, HOUR / 2, HOUR), of: who }) },
  { weight: 1, arbitrary: fc.record({ comeOrGo: who }) },
);

/** Everybody reads, and all that waits goes out. */
async function settle(relay: Relay, readers: readonly Reader[]): Promise<void> {
  for (const { socket } of readers) socket.resume();
  for (const reader of readers) await reader.handled();
  relay.flush();
  for (const reader of readers) await reader.handled();
}

for (const deliver of ['', `${TOPIC}=1h`, `${TOPIC}=1h,latest`, `${TOPIC}=1h,latest-by-key`, `${TOPIC}=1ms,latest`]) {
  test(`published times subscribers is delivered, conflated and lost, whoever stalls, comes or goes: --deliver "${deliver}"`, async (t) => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40, size: 'max' }), async (steps) => {
        const { relay, url } = await startLocalRelay(t, {
          deliver,
          maxBackpressureBytes: 200_000,
          slowConsumer: 'drop',
          idleTimeoutS: 0,
          maxOpRate: 0,
        });
        const readers = [
          await rawReader(t, url),
          await rawReader(t, url),
          await envelopedReader(t, relay.port),
          await envelopedReader(t, relay.port, BATCHED),
          await envelopedReader(t, relay.port, BATCHED),
        ];
        const publishing = new Set<Reader>();
        let number = 0;
        for (const each of steps) {
          if ('burst' in each) {
            const by = each.publish === undefined ? undefined : readers[each.publish];
            for (let n = 0; n < each.burst; n++) {
              const text = `${each.key} ${++number} ${'x'.repeat(each.bytes)}`;
              if (by === undefined) relay.publish(TOPIC, Buffer.from(text), false, undefined, each.key);
              else by.publish(text, each.key);
            }
            // Its own answers come through the same socket.
            if (by !== undefined) {
              by.socket.resume();
              await by.handled();
              publishing.add(by);
            }
            for (const reader of readers) if (reader.isIn && reader !== by) reader.owed += each.burst;
            await turn();
          } else if ('stall' in each) readers[each.stall]?.socket.pause();
          else if ('resume' in each) readers[each.resume]?.socket.resume();
          else if ('isWindowEnd' in each) relay.flush();
          else {
            const reader = readers['of' in each ? each.of : each.comeOrGo] as Reader;
            if (reader.enveloped === undefined) continue;
            reader.socket.resume();
            if ('every' in each) {
              if (reader.isIn) await reader.enveloped.ask({ op: 'sub', topic: TOPIC, every: each.every });
              continue;
            }
            // What waits for one that leaves would not be owed any more.
            await settle(relay, readers);
            await reader.enveloped.ask({ op: reader.isIn ? 'unsub' : 'sub', topic: TOPIC });
            reader.isIn = !reader.isIn;
          }
        }
        await settle(relay, readers);
        const { counters, slow } = relay;
        const owed = readers.reduce((sum, reader) => sum + reader.owed, 0);
        await until(() => slow.laggingNow === 0);
        const { delivered, conflated } = counters;
        const dropped = slow.droppedMessages();
        assert.equal(delivered + conflated + dropped, owed, `${delivered} + ${conflated} + ${dropped}`);
        for (const reader of readers) await reader.handled();
        const all = readers.map((reader) => reader.accounted());
        assert.equal(
          all.reduce((sum, { got }) => sum + got, 0),
          delivered,
          'each has what was sent to it',
        );
        for (const [index, { got, told }] of all.entries()) {
          const reader = readers[index] as Reader;
          // A publisher's own messages are among those replaced.
          if (reader.enveloped !== undefined && !publishing.has(reader)) {
            assert.equal(got + told, reader.owed, `reader ${index}`);
          }
        }
        relay.close();
      }),
      { numRuns: Number(process.env.RUNS ?? 15), endOnFailure: process.env.RUNS === undefined },
    );
  });
}
