// Whoever breaks the WebSocket protocol is cut, counted by reason and logged; whoever only goes is not.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { deflateRaw } from 'node:zlib';
import { WebSocket } from 'ws';
import { open, startLocalRelay, until } from '../../support/local-relay.js';
import { type FrameParts, frame, upgraded } from '../../support/wire.js';

const payload = Buffer.from('A');
const INVALID: Record<string, readonly FrameParts[]> = {
  'a reserved opcode': [{ opcode: 3, payload }],
  'a reserved control opcode': [{ opcode: 0xb, payload }],
  'a compressed frame where no compression is agreed': [{ opcode: 1, payload, reserved: 0x40 }],
  'the second reserved bit': [{ opcode: 1, payload, reserved: 0x20 }],
  'a continuation of nothing': [{ opcode: 0, payload }],
  'a new message inside another': [
    { opcode: 1, payload, fin: false },
    { opcode: 1, payload },
  ],
  'a ping in fragments': [{ opcode: 9, payload, fin: false }],
  'a ping of 126 bytes': [{ opcode: 9, payload: Buffer.alloc(126) }],
};

test('each invalid frame cuts its socket, and is counted and logged as a protocol error once', {
  timeout: 60_000,
}, async (t) => {
  const { relay, log } = await startLocalRelay(t);
  const { cut } = relay.counters;
  let wanted = 0;
  for (const [name, parts] of Object.entries(INVALID)) {
    const socket = await upgraded(t, relay.port, '/room');
    for (const each of parts) socket.write(frame(each));
    wanted++;
    await until(() => relay.connections.size === 0);
    assert.equal(cut.protocol, wanted, name);
    // What is valid before it in the same bytes changes nothing.
    const later = await upgraded(t, relay.port, '/room');
    later.write(Buffer.concat([frame({ opcode: 2, payload }), ...parts.map(frame)]));
    wanted++;
    await until(() => relay.connections.size === 0);
    assert.equal(cut.protocol, wanted, `${name}, after a message`);
  }
  assert.match(log(), /"reason":"Received invalid WebSocket frame".*"msg":"connection cut"/);
});

test('a client that goes is no protocol error, however it goes', { timeout: 60_000 }, async (t) => {
  const { relay, url } = await startLocalRelay(t);
  for (const go of ['end', 'resetAndDestroy', 'half a frame', 'a message and the end'] as const) {
    const socket = await upgraded(t, relay.port, '/room');
    await until(() => relay.connections.size === 1);
    if (go === 'half a frame') socket.end(frame({ opcode: 2, payload: Buffer.from('hello') }).subarray(0, 5));
    else if (go === 'a message and the end') socket.end(frame({ opcode: 2, payload }));
    else socket[go]();
    await until(() => relay.connections.size === 0);
  }
  for (const code of [1000, 1001, 4000, 4999]) {
    const socket = await open(`${url}/room`);
    socket.close(code);
    await until(() => relay.connections.size === 0);
  }
  const { protocol, tooBig, badUtf8, compression } = relay.counters.cut;
  assert.deepEqual({ protocol, tooBig, badUtf8, compression }, { protocol: 0, tooBig: 0, badUtf8: 0, compression: 0 });
});

test('a broken or bursting compressed message is counted as one, and not as too big', {
  timeout: 60_000,
}, async (t) => {
  const { relay, url } = await startLocalRelay(t, { compression: 'shared', maxPayloadBytes: 1000 });
  const bomb = await promisify(deflateRaw)(Buffer.alloc(8 << 20));
  for (const body of [Buffer.from([0xff, 0xff, 0xff, 0x01]), bomb]) {
    const socket = new WebSocket(`${url}/room`, { perMessageDeflate: true });
    socket.on('error', () => {});
    await new Promise((resolve) => socket.once('open', resolve));
    (socket as unknown as { _socket: NodeJS.WritableStream })._socket.write(
      frame({ opcode: 2, payload: body, reserved: 0x40 }),
    );
    await until(() => relay.connections.size === 0);
  }
  assert.equal(relay.counters.cut.compression, 2);
  assert.equal(relay.counters.cut.tooBig, 0);
});

test('an offered subprotocol that is not spoken is refused, and opens nothing', { timeout: 60_000 }, async (t) => {
  const { relay, url } = await startLocalRelay(t);
  for (const protocols of [['graphql-ws'], ['mqtt', 'chat']]) {
    const socket = new WebSocket(`${url}/room`, protocols);
    const [error] = await new Promise<[Error]>((resolve) => socket.once('error', (...args) => resolve(args)));
    assert.match(error.message, /400/);
  }
  assert.equal(relay.counters.refused.get('FANWIRE_SUBPROTOCOL'), 2);
  assert.equal(relay.counters.opened, 0);
  const among = await open(`${url}/room`, {}, ['chat', 'fanwire.raw']);
  assert.equal(among.protocol, 'fanwire.raw');
});
