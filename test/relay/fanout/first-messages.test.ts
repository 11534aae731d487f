// What a new socket says first is passed on unless the same read ends in an invalid frame, as that of a client does
// which does not mask: uWS takes four bytes of such a frame for its mask, and misreads what follows.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Relay } from '../../../src/relay/relay.js';
import { EnvelopedClient } from '../../support/enveloped-client.js';
import { serve } from '../../support/fanwire-process.js';
import { open, startLocalRelay, until } from '../../support/local-relay.js';
import { SocketClient } from '../../support/socket-client.js';
import { frame, upgraded } from '../../support/wire.js';

const TEXT = 1;
const BINARY = 2;
const CLOSE = 8;
const unmasked = (opcode: number, payload: Buffer): Buffer => frame({ opcode, payload, masked: false });
const reading = (i: number): Buffer => Buffer.from(`reading ${i}: temperature=21.${i}`);

/** Frames that a client forgets to mask, and how often uWS hands a misread one over before it notices. */
const FORGOTTEN: Record<string, readonly [frames: Buffer[], withheld: number]> = {
  'binary frames': [[0, 1].map((i) => unmasked(BINARY, reading(i))), 1],
  'a binary frame, then text': [[unmasked(BINARY, reading(0)), unmasked(TEXT, reading(1))], 1],
  'binary frames with a length in two bytes': [
    [0, 1].map((i) => unmasked(BINARY, Buffer.from(`${reading(i)} `.repeat(9)))),
    1,
  ],
  'binary frames with a length in eight bytes': [
    [0, 1].map((i) => unmasked(BINARY, Buffer.from(`${reading(i)} `.repeat(4000)))),
    1,
  ],
  'three tiny binary frames': [[0, 1, 2].map(() => unmasked(BINARY, Buffer.from('21.5'))), 1],
  'text frames': [[0, 1].map((i) => unmasked(TEXT, reading(i))), 0], // no UTF-8, once misread
};

for (const [what, [frames, withheld]] of Object.entries(FORGOTTEN)) {
  test(`of ${what} without a mask nobody hears anything`, { timeout: 30_000 }, async (t) => {
    const { relay, url, log } = await startLocalRelay(t, { maxPayloadBytes: 1 << 18 });
    const witness = await SocketClient.open(t, `${url}/room`);
    const socket = await upgraded(t, relay.port, '/room');
    socket.resume().write(Buffer.concat(frames));
    await closed(socket);
    await heardNothing(relay, url, witness);
    assert.equal(relay.counters.withheld, withheld);
    const { protocol, badUtf8 } = relay.counters.cut;
    assert.deepEqual([protocol, badUtf8], withheld > 0 ? [1, 0] : [0, 1]);
    if (withheld > 0) assert.match(log(), /"messages":1,.*"msg":"first messages withheld: does this client mask/);
  });
}

test('random bytes without a mask pass only where the next frame looks like a header from its third byte on', {
  timeout: 60_000,
}, async (t) => {
  const { relay, url } = await startLocalRelay(t);
  const witness = await SocketClient.open(t, `${url}/room`);
  let passed = 0;
  const payload = fc.uint8Array({ minLength: 8, maxLength: 125 });
  const round = async (first: Uint8Array, second: Uint8Array): Promise<void> => {
    const before = witness.received.length;
    const withheldBefore = relay.counters.withheld;
    const socket = await upgraded(t, relay.port, '/room');
    const gone = closed(socket);
    socket.resume().end(Buffer.concat([first, second].map((bytes) => unmasked(BINARY, Buffer.from(bytes)))));
    await gone;
    await until(() => relay.connections.size === 1);
    await new Promise(setImmediate); // what is held is passed on
    await roundTrip(witness);
    const heard = witness.received.length - before;
    if (mayBeHeader(second[2] as number) || isCutShort(second.subarray(2))) passed += heard;
    else assert.deepEqual([heard, relay.counters.withheld - withheldBefore], [0, 1]);
  };
  const cutShort: [Uint8Array, Uint8Array] = [new Uint8Array(8), Uint8Array.of(0, 0, 0, 254, 0, 0, 0, 0, 0)];
  await fc.assert(fc.asyncProperty(payload, payload, round), { numRuns: 300, examples: [cutShort] });
  // Where it does, nothing tells it from what a client means to send.
  await round(Buffer.alloc(8, 1), Buffer.from([0, 0, 0x82, 0xff, 0, 0, 0, 0]));
  assert.ok(passed > 0);
});

test('with a history, what is withheld takes no number', { timeout: 30_000 }, async (t) => {
  const relay = await serve(t, ['--history', '*=10,10m,1m']);
  const listener = await EnvelopedClient.open(t, relay.port);
  await listener.ask({ op: 'sub', topic: 'room' });
  const socket = await upgraded(t, relay.port, '/room');
  socket.resume().write(Buffer.concat([0, 1].map((i) => unmasked(BINARY, reading(i)))));
  await closed(socket);
  const honest = await SocketClient.open(t, relay.url('room'));
  honest.socket.send('first');
  const [message] = await listener.messages(1);
  assert.deepEqual([message?.seq, message?.data], [1, 'first']);
});

test('what an honest socket says first arrives, in order, however it goes on in the same read', {
  timeout: 30_000,
}, async (t) => {
  const { relay, url } = await startLocalRelay(t);
  const masked = [0, 1, 2].map((i) => frame({ opcode: BINARY, payload: reading(i) }));
  const goodbye = frame({ opcode: CLOSE, payload: Buffer.from([0x03, 0xe8]) });
  const tooBig = frame({ opcode: BINARY, payload: Buffer.alloc(1 << 17) });
  for (const [how, more] of Object.entries({ 'a close': [goodbye], 'its end': [], 'a message too big': [tooBig] })) {
    const witness = await SocketClient.open(t, `${url}/${encodeURIComponent(how)}`);
    const socket = await upgraded(t, relay.port, `/${encodeURIComponent(how)}`);
    socket.resume().end(Buffer.concat([...masked, ...more]));
    await witness.count(3);
    assert.deepEqual(
      witness.texts,
      [0, 1, 2].map((i) => String(reading(i))),
      how,
    );
    await until(() => relay.connections.size === 1);
    witness.socket.close();
    await until(() => relay.connections.size === 0);
  }
  assert.equal(relay.counters.withheld, 0);
  assert.equal(relay.counters.published, 9);
});

test('an invalid frame in a later read takes nothing back', { timeout: 30_000 }, async (t) => {
  const { relay, url } = await startLocalRelay(t);
  const witness = await SocketClient.open(t, `${url}/room`);
  const socket = await upgraded(t, relay.port, '/room');
  socket.resume().write(frame({ opcode: BINARY, payload: Buffer.from('one') }));
  await witness.count(1);
  socket.write(Buffer.concat([frame({ opcode: BINARY, payload: Buffer.from('two') }), frame({ opcode: 3 })]));
  await closed(socket);
  await witness.count(2);
  assert.deepEqual(witness.texts, ['one', 'two']);
  assert.deepEqual([relay.counters.withheld, relay.counters.cut.protocol], [0, 1]);
});

/** What can begin a frame outside a message: no reserved bit, and an opcode that is known. A control frame is whole. */
function mayBeHeader(byte: number): boolean {
  const opcode = byte & 15;
  if ((byte & 0x70) !== 0) return false;
  return opcode === TEXT || opcode === BINARY || (opcode >= CLOSE && opcode <= 10 && byte >= 0x80);
}

/** Whether `bytes` end inside of the header that they begin (masked, RFC 6455, 5.2): it is judged when it is whole. */
function isCutShort(bytes: Uint8Array): boolean {
  const length = (bytes[1] as number) & 127;
  return bytes.length < 6 + (length === 126 ? 2 : length === 127 ? 8 : 0);
}

/** Also where the relay resets the connection, since it has not read all that was sent. */
function closed(socket: Socket): Promise<void> {
  return new Promise((resolve) => socket.once('close', () => resolve()));
}

/** The first that the witness hears is what comes after all this. */
async function heardNothing(relay: Relay, url: string, witness: SocketClient): Promise<void> {
  const honest = await open(`${url}/room`);
  honest.send('after');
  await witness.count(1);
  assert.deepEqual(witness.texts, ['after']);
  honest.terminate();
  await until(() => relay.connections.size === 1);
}

async function roundTrip({ socket }: SocketClient): Promise<void> {
  const answered = once(socket, 'pong');
  socket.ping();
  await answered;
}
