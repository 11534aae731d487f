// Raw mode as a client sees it: who receives what, in which form, and what becomes of frames that break the rules.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import test from 'node:test';
import { serve } from '../../support/fanwire-process.js';
import { SocketClient } from '../../support/socket-client.js';
import { frame, upgraded } from '../../support/wire.js';

test('a message reaches every other subscriber of its topic, never its sender, never another topic', async (t) => {
  const relay = await serve(t);
  const [sender, second, third, elsewhere] = await Promise.all(
    ['a', 'a', 'a', 'b'].map((topic) => SocketClient.open(t, relay.url(topic))),
  );
  assert.ok(sender && second && third && elsewhere);
  sender.socket.send('one');
  second.socket.send('two');
  await Promise.all([sender.count(1), second.count(1), third.count(2)]);
  await Promise.all([sender.handled(), elsewhere.handled()]);
  assert.deepEqual(sender.texts, ['two']);
  assert.deepEqual(second.texts, ['one']);
  assert.deepEqual(third.texts.sort(), ['one', 'two']);
  assert.deepEqual(elsewhere.texts, []);
});

test('a large audience, whose messages are queued, leaves the sender out too', async (t) => {
  const relay = await serve(t);
  const clients = await Promise.all(Array.from({ length: 60 }, () => SocketClient.open(t, relay.url('crowd'))));
  for (const [i, client] of clients.entries()) client.socket.send(`from ${i}`);
  await Promise.all(clients.map((client) => client.count(59)));
  await Promise.all(clients.map((client) => client.handled()));
  for (const [i, client] of clients.entries()) {
    const expected = clients.map((_, j) => `from ${j}`).filter((_, j) => j !== i);
    assert.deepEqual(client.texts.sort(), expected.sort());
  }
});

test('text stays text, binary stays binary, empty stays empty, and every byte arrives', async (t) => {
  const relay = await serve(t);
  const [sender, receiver] = await Promise.all([1, 2].map(() => SocketClient.open(t, relay.url('types'))));
  assert.ok(sender && receiver);
  const everyByte = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
  const sent: [string | Buffer, boolean][] = [
    ['äöü 🎉', false],
    [everyByte, true],
    ['', false],
    [Buffer.alloc(0), true],
    ['x'.repeat(65_536), false],
    [Buffer.alloc(20_000, 7), true],
  ];
  for (const [payload, binary] of sent) sender.socket.send(payload, { binary });
  await receiver.count(sent.length);
  for (const [i, [payload, binary]] of sent.entries()) {
    assert.equal(receiver.received[i]?.isBinary, binary);
    assert.deepEqual(receiver.received[i]?.payload, Buffer.from(payload as string));
  }
});

test('the path is the topic, percent-decoded; a bare / is none; the query does not count', async (t) => {
  const relay = await serve(t);
  const base = `ws://127.0.0.1:${relay.port}`;
  const pairs = [
    ['/caf%C3%A9', '/caf%c3%a9?x=1'],
    ['/a/b', '/a%2Fb'],
  ];
  for (const [one, other] of pairs) {
    const [sender, receiver] = await Promise.all([one, other].map((path) => SocketClient.open(t, base + path)));
    sender?.socket.send('met');
    await receiver?.count(1);
  }
});

test('a topic that cannot be, and a request that is no upgrade, are refused with a code and a reason', async (t) => {
  const relay = await serve(t);
  const base = `http://127.0.0.1:${relay.port}`;
  const upgrade = (path: string): Promise<unknown> => SocketClient.open(t, `ws://127.0.0.1:${relay.port}${path}`);
  await assert.rejects(upgrade(`/${'x'.repeat(201)}`), /400/);
  await assert.rejects(upgrade('/bell%07'), /400/);
  await assert.rejects(upgrade('/%ff'), /400/);
  await assert.rejects(upgrade('/'), /400/);
  await assert.rejects(upgrade('/..'), /400/);
  const plain = await fetch(`${base}/topic`);
  assert.equal(plain.status, 426);
  assert.equal(((await plain.json()) as { error: { code: string } }).error.code, 'FANWIRE_UPGRADE_REQUIRED');
});

test('a fragmented message arrives whole, with control frames in between', async (t) => {
  const relay = await serve(t);
  const receiver = await SocketClient.open(t, relay.url('frag'));
  const socket = await upgraded(t, relay.port, '/frag');
  socket.write(frame({ opcode: 1, payload: Buffer.from('Hel'), fin: false }));
  socket.write(frame({ opcode: 9, payload: Buffer.from('ping') }));
  socket.write(frame({ opcode: 0, payload: Buffer.from('lo '), fin: false }));
  socket.write(frame({ opcode: 0, payload: Buffer.from('world') }));
  await receiver.count(1);
  assert.deepEqual(receiver.received, [{ payload: Buffer.from('Hello world'), isBinary: false }]);
});

const breaches: [string, Buffer][] = [
  ['bad UTF-8 in a text frame', frame({ opcode: 1, payload: Buffer.from([0xc3, 0x28]) })],
  ['a reserved bit', frame({ opcode: 1, payload: Buffer.from('x'), reserved: 0x40 })],
  ['an unknown opcode', frame({ opcode: 3, payload: Buffer.from('x') })],
  ['a fragmented ping', frame({ opcode: 9, payload: Buffer.from('x'), fin: false })],
  ['a frame of 2 MiB declared', Buffer.from([0x82, 0xff, 0, 0, 0, 0, 0, 0x20, 0, 0, 1, 2, 3, 4])],
];
for (const [what, bytes] of breaches) {
  test(`${what} ends that socket alone, and nothing of it is relayed`, async (t) => {
    const relay = await serve(t);
    const [witness, sender] = await Promise.all([1, 2].map(() => SocketClient.open(t, relay.url('rules'))));
    assert.ok(witness && sender);
    const offender = await upgraded(t, relay.port, '/rules');
    const ended = once(offender, 'close');
    offender.resume();
    offender.write(bytes);
    await ended;
    sender.socket.send('still here');
    await witness.count(1);
    assert.deepEqual(witness.texts, ['still here']);
  });
}

test('an unmasked client frame is not relayed as what it claims to be', async (t) => {
  const relay = await serve(t);
  const [witness, sender] = await Promise.all([1, 2].map(() => SocketClient.open(t, relay.url('mask'))));
  assert.ok(witness && sender);
  const offender = await upgraded(t, relay.port, '/mask');
  offender.resume();
  offender.end(frame({ opcode: 1, payload: Buffer.from('unmasked'), masked: false }));
  await once(offender, 'close');
  sender.socket.send('fine');
  await witness.until((received) => received.some(({ payload }) => payload.toString() === 'fine'));
  assert.ok(!witness.texts.includes('unmasked'));
});

test('a message over --max-payload closes its sender with 1009 and the limit; one at the limit passes', async (t) => {
  const relay = await serve(t, ['--max-payload', '1000']);
  const [sender, receiver] = await Promise.all([1, 2].map(() => SocketClient.open(t, relay.url('big'))));
  assert.ok(sender && receiver);
  sender.socket.send(Buffer.alloc(1000));
  sender.socket.send(Buffer.alloc(1001));
  assert.deepEqual(await sender.closed, { code: 1009, reason: 'a message is at most 1000 bytes, got 1001' });
  await receiver.handled();
  assert.deepEqual(
    receiver.received.map(({ payload }) => payload.length),
    [1000],
  );
});
