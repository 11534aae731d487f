// Order and completeness across the fan-out's three ways (direct, through uWS's topic tree, under the subscriber's
// cork).
import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { serve } from '../../support/fanwire-process.js';
import { SocketClient } from '../../support/socket-client.js';
import { frame, upgraded } from '../../support/wire.js';

/** Publisher and sequence number in front, the rest filled with what follows from both, so that a mix-up shows. */
function message(publisher: number, seq: number, size: number): Buffer {
  const payload = Buffer.alloc(Math.max(8, size), publisher * 31 + seq);
  payload.writeUInt32BE(publisher, 0);
  payload.writeUInt32BE(seq, 4);
  return payload;
}

const size = fc.oneof(
  { weight: 12, arbitrary: fc.integer({ min: 8, max: 300 }) },
  { weight: 3, arbitrary: fc.integer({ min: 1000, max: 16_390 }) },
  { weight: 1, arbitrary: fc.integer({ min: 16_380, max: 40_000 }) },
);
// What one publisher writes at once: from a single message to a burst that overflows every limit on the way.
const burst = fc.oneof(
  fc.array(size, { minLength: 1, maxLength: 3 }),
  fc.array(size, { minLength: 28, maxLength: 70, size: 'max' }),
  fc.array(fc.integer({ min: 8, max: 64 }), { minLength: 100, maxLength: 400, size: 'max' }),
);
const traffic = fc.record({
  subscribers: fc.constantFrom(1, 2, 31, 40),
  publishers: fc.array(fc.array(burst, { minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 3 }),
});

test('every subscriber gets every message of every publisher once, whole and in order, whatever the bursts and sizes', async (t) => {
  const relay = await serve(t, ['--max-backpressure', '64m']);
  let topics = 0;
  await fc.assert(
    fc.asyncProperty(traffic, async ({ subscribers, publishers }) => {
      const topic = `order-${topics++}`;
      const receivers = await Promise.all(
        Array.from({ length: subscribers }, () => SocketClient.open(t, relay.url(topic))),
      );
      const senders = await Promise.all(publishers.map(() => upgraded(t, relay.port, `/${topic}`)));
      const sent = publishers.map((bursts, publisher) => {
        let seq = 0;
        const all: Buffer[] = [];
        senders[publisher]?.resume();
        for (const sizes of bursts) {
          const payloads = sizes.map((bytes) => message(publisher, seq++, bytes));
          all.push(...payloads);
          senders[publisher]?.write(Buffer.concat(payloads.map((payload) => frame({ opcode: 2, payload }))));
        }
        return all;
      });
      const total = sent.reduce((sum, all) => sum + all.length, 0);
      await Promise.all(receivers.map((receiver) => receiver.count(total)));
      for (const receiver of receivers) {
        const got = sent.map((): Buffer[] => []);
        for (const { payload } of receiver.received) got[payload.readUInt32BE(0)]?.push(payload);
        for (const [publisher, all] of sent.entries()) {
          assert.ok(
            Buffer.concat(all).equals(Buffer.concat(got[publisher] as Buffer[])),
            `publisher ${publisher}: what arrived is not what was sent`,
          );
        }
        receiver.socket.terminate();
      }
      for (const sender of senders) sender.destroy();
    }),
    { numRuns: 40 },
  );
});

test('a publisher that disconnects mid-burst loses none of what it had sent', async (t) => {
  const relay = await serve(t);
  for (const [subscribers, messages] of [
    [2, 500],
    [40, 500],
    [40, 20],
  ] as const) {
    const topic = `gone-${subscribers}-${messages}`;
    const receivers = await Promise.all(
      Array.from({ length: subscribers }, () => SocketClient.open(t, relay.url(topic))),
    );
    const sender = await upgraded(t, relay.port, `/${topic}`);
    // The close frame comes in the same read as the burst, so the socket has gone when the queue is flushed.
    sender.write(
      Buffer.concat([
        ...Array.from({ length: messages }, (_, i) => frame({ opcode: 1, payload: Buffer.from(`m${i}`) })),
        frame({ opcode: 8, payload: Buffer.from([0x03, 0xe8]) }),
      ]),
    );
    await Promise.all(receivers.map((receiver) => receiver.count(messages)));
    const expected = Array.from({ length: messages }, (_, i) => `m${i}`);
    for (const receiver of receivers) assert.deepEqual(receiver.texts, expected);
  }
});

test('the same client on two sockets hears its one socket on the other', async (t) => {
  const relay = await serve(t);
  const [first, second] = await Promise.all([1, 2].map(() => SocketClient.open(t, relay.url('two'))));
  assert.ok(first && second);
  for (let i = 0; i < 100; i++) first.socket.send(`f${i}`);
  for (let i = 0; i < 100; i++) second.socket.send(`s${i}`);
  await Promise.all([first.count(100), second.count(100)]);
  assert.deepEqual(
    first.texts,
    Array.from({ length: 100 }, (_, i) => `s${i}`),
  );
  assert.deepEqual(
    second.texts,
    Array.from({ length: 100 }, (_, i) => `f${i}`),
  );
});
