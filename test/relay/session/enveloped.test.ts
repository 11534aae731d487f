// fanwire.v1 against a real relay process: who hears what, in which form, and what each mistake is answered with.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EnvelopedClient } from '../../support/enveloped-client.js';
import { serve } from '../../support/fanwire-process.js';
import { SocketClient } from '../../support/socket-client.js';

test('one socket hears all its topics, and nothing of its own or after it has left', async (t) => {
  const relay = await serve(t);
  const ann = await EnvelopedClient.open(t, relay.port);
  const bob = await EnvelopedClient.open(t, relay.port);
  assert.equal(ann.socket.protocol, 'fanwire.v1');
  for (const topic of ['a', 'b', 'ü/☃'])
    assert.deepEqual(await ann.ask({ op: 'sub', topic }), { op: 'ok', id: ann.heard.at(-1)?.['id' as never], topic });
  await bob.ask({ op: 'sub', topic: 'a' });
  ann.say({ op: 'pub', topic: 'a', data: 'own' });
  await ann.handled();
  for (const [topic, data] of [
    ['a', 1],
    ['ü/☃', { deep: [null] }],
    ['c', 'nobody'],
    ['b', 'x'],
  ]) {
    bob.say({ op: 'pub', topic, data });
  }
  assert.deepEqual(await ann.messages(3), [
    { op: 'msg', topic: 'a', data: 1 },
    { op: 'msg', topic: 'ü/☃', data: { deep: [null] } },
    { op: 'msg', topic: 'b', data: 'x' },
  ]);
  await ann.ask({ op: 'unsub', topic: 'a' });
  await bob.ask({ op: 'pub', topic: 'a', data: 'late' });
  await bob.ask({ op: 'pub', topic: 'b', data: 'last' });
  assert.deepEqual((await ann.messages(4)).at(-1), { op: 'msg', topic: 'b', data: 'last' });
  assert.deepEqual(await bob.messages(1), [{ op: 'msg', topic: 'a', data: 'own' }]);
});

test('raw and enveloped sockets of a topic hear each other, each in its own form', async (t) => {
  const relay = await serve(t);
  const raw = await SocketClient.open(t, relay.url('room'));
  const enveloped = await EnvelopedClient.open(t, relay.port);
  await enveloped.ask({ op: 'sub', topic: 'room' });
  raw.socket.send('plain "text" ☃');
  raw.socket.send(Buffer.from([0, 255, 1]));
  assert.deepEqual(await enveloped.messages(2), [
    { op: 'msg', topic: 'room', data: 'plain "text" ☃' },
    { op: 'msg', topic: 'room', data: 'AP8B', encoding: 'base64' },
  ]);
  enveloped.say('{"op":"pub","topic":"room","data":"as itself"}');
  enveloped.say('{"op":"pub","topic":"room","data": {"n": 1e400 } }');
  enveloped.say('{"op":"pub","topic":"room","data":"AP8B","encoding":"base64"}');
  await raw.count(3);
  assert.deepEqual(raw.texts.slice(0, 2), ['as itself', '{"n": 1e400 }']);
  assert.deepEqual(raw.received[2], { payload: Buffer.from([0, 255, 1]), isBinary: true });
  assert.equal(enveloped.heard.filter(({ op }) => op === 'msg').length, 2);
});

test('a burst from either kind of socket arrives whole and in order at both', async (t) => {
  const relay = await serve(t);
  const listeners = await Promise.all([1, 2, 3].map(() => EnvelopedClient.open(t, relay.port)));
  for (const listener of listeners) await listener.ask({ op: 'sub', topic: 'burst' });
  const rawListener = await SocketClient.open(t, relay.url('burst'));
  const raw = await SocketClient.open(t, relay.url('burst'));
  const enveloped = await EnvelopedClient.open(t, relay.port);
  for (let n = 0; n < 500; n++) raw.socket.send(String(n));
  await raw.handled();
  for (let n = 500; n < 1000; n++) enveloped.say({ op: 'pub', topic: 'burst', data: n });
  const expected = Array.from({ length: 1000 }, (_, n) => n);
  for (const listener of listeners)
    assert.deepEqual(
      (await listener.messages(1000)).map(({ data }) => Number(data)),
      expected,
    );
  await rawListener.count(1000);
  assert.deepEqual(rawListener.texts.map(Number), expected);
});

test('presence says who is here and who comes and goes, raw sockets too, and is off unless configured', async (t) => {
  const relay = await serve(t, ['--presence', 'room/*']);
  const ann = await EnvelopedClient.open(t, relay.port);
  assert.equal(((await ann.ask({ op: 'presence', topic: 'hall' })) as { code: string }).code, 'FANWIRE_PRESENCE_OFF');
  await ann.ask({ op: 'sub', topic: 'room/1' });
  const bob = await EnvelopedClient.open(t, relay.port);
  await bob.ask({ op: 'sub', topic: 'room/1' });
  const raw = await SocketClient.open(t, relay.url('room/1'));
  const joined = await ann.until((heard) => {
    const joins = heard.filter(({ op }) => op === 'join');
    return joins.length === 2 ? joins : undefined;
  });
  const answer = await ann.ask({ op: 'presence', topic: 'room/1' });
  assert.ok(answer.op === 'ok');
  assert.equal(answer.count, 3);
  assert.deepEqual(
    answer.members?.slice(1),
    joined.map((join) => (join as { member: unknown }).member),
  );
  raw.socket.close();
  bob.say({ op: 'unsub', topic: 'room/1' });
  const left = await ann.until((heard) => {
    const leaves = heard.filter(({ op }) => op === 'leave');
    return leaves.length === 2 ? leaves : undefined;
  });
  assert.deepEqual(
    new Set(left.map((leave) => JSON.stringify((leave as { member: unknown }).member))),
    new Set(joined.map((join) => JSON.stringify((join as { member: unknown }).member))),
  );
  assert.equal(((await ann.ask({ op: 'presence', topic: 'room/1' })) as { count: number }).count, 1);
  assert.equal(bob.heard.filter(({ op }) => op === 'join').length, 1, 'bob heard the raw socket join, not himself');
});

test('the limit of topics a connection is told, and room comes back with unsub', async (t) => {
  const relay = await serve(t, ['--max-topics-per-connection', '2']);
  const client = await EnvelopedClient.open(t, relay.port);
  assert.equal((await client.ask({ op: 'sub', topic: '1' })).op, 'ok');
  assert.equal((await client.ask({ op: 'sub', topic: '2' })).op, 'ok');
  assert.equal((await client.ask({ op: 'sub', topic: '2' })).op, 'ok', 'the same topic again is no further one');
  assert.equal(
    ((await client.ask({ op: 'sub', topic: '3' })) as { code: string }).code,
    'FANWIRE_TOO_MANY_SUBSCRIPTIONS',
  );
  await client.ask({ op: 'unsub', topic: '1' });
  assert.equal((await client.ask({ op: 'sub', topic: '3' })).op, 'ok');
});

test('mistakes are answered with their code and the socket lives on; nothing but mistakes ends it with 1008', async (t) => {
  const relay = await serve(t);
  const client = await EnvelopedClient.open(t, relay.port);
  client.socket.send(Buffer.from([1, 2, 3]));
  client.say('not json');
  assert.deepEqual(
    await client.until((heard) =>
      heard.length === 2 ? heard.map((said) => (said as { code: string }).code) : undefined,
    ),
    ['FANWIRE_OP_BINARY', 'FANWIRE_OP_JSON'],
  );
  await client.handled();
  for (let n = 0; n < 99; n++) client.say('{}');
  await client.handled();
  for (let n = 0; n < 100; n++) client.say('{}');
  assert.equal((await client.closed).code, 1008);
});

test('a stopping relay tells enveloped sockets when to come back before it closes them with 1012', async (t) => {
  const relay = await serve(t, ['--drain-ms', '300']);
  const clients = await Promise.all(Array.from({ length: 20 }, () => EnvelopedClient.open(t, relay.port)));
  relay.child.kill('SIGTERM');
  const times = await Promise.all(
    clients.map((client) =>
      client.until((heard) => heard.find(({ op }) => op === 'drain') as { reconnectInMs: number }),
    ),
  );
  for (const { reconnectInMs } of times) assert.ok(reconnectInMs >= 0 && reconnectInMs <= 300);
  assert.ok(new Set(times.map(({ reconnectInMs }) => reconnectInMs)).size > 5, 'all at the same time');
  for (const client of clients) assert.equal((await client.closed).code, 1012);
});
