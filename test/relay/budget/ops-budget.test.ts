// What one socket may ask of the relay beside publishing: who floods it is closed with 1008, counted and logged, and
// nobody who is merely busy is.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { EnvelopedClient } from '../../support/enveloped-client.js';
import { startLocalRelay } from '../../support/local-relay.js';
import { frame, upgraded } from '../../support/wire.js';

const RATE = 100;
/** Ten seconds' worth. */
const BURST = 10 * RATE;

const FLOODS: Record<string, (n: number) => object | string> = {
  'sub and unsub of name after name': (n) => ({ op: n % 2 === 0 ? 'sub' : 'unsub', topic: `name/${n >> 1}` }),
  'sub and unsub of one name': (n) => ({ op: n % 2 === 0 ? 'sub' : 'unsub', topic: 'name' }),
  'sub where it is already': () => ({ op: 'sub', topic: 'name' }),
  'sub over --max-topics-per-connection': (n) => ({ op: 'sub', topic: `name/${n}` }),
  'unsub of what it is not in': (n) => ({ op: 'unsub', topic: `name/${n}` }),
  ping: () => ({ op: 'ping' }),
  auth: () => ({ op: 'auth', token: 'x' }),
  presence: () => ({ op: 'presence', topic: 'room' }),
  'what is no op, with a ping in between': (n) => (n % 50 === 0 ? { op: 'ping' } : '{"op":"nope"}'),
};

for (const [name, op] of Object.entries(FLOODS)) {
  test(`a flood of ${name} closes its socket with 1008, is counted and logged`, async (t) => {
    const { relay, log } = await startLocalRelay(t, { maxOpRate: RATE, maxTopicsPerConnection: 5, presence: ['room'] });
    const client = await EnvelopedClient.open(t, relay.port);
    for (let n = 0; n < 3 * BURST; n++) client.say(op(n));
    assert.equal((await client.closed).code, 1008);
    assert.ok(client.heard.some((said) => said.op === 'error' && said.code === 'FANWIRE_OP_RATE'));
    assert.equal(relay.counters.cut.ops, 1);
    assert.match(log(), /too many ops or control frames/);
  });
}

for (const [name, opcode] of [
  ['pings', 9],
  ['pongs', 10],
] as const) {
  test(`a flood of ${name} closes a raw socket with 1008`, async (t) => {
    const { relay } = await startLocalRelay(t, { maxOpRate: RATE });
    const socket = await upgraded(t, relay.port, '/topic');
    const answered: Buffer[] = [];
    socket.on('data', (chunk: Buffer) => answered.push(chunk));
    socket.write(Buffer.concat(Array.from({ length: 3 * BURST }, () => frame({ opcode }))));
    await once(socket, 'close');
    const last = Buffer.concat(answered);
    const close = last.indexOf(Buffer.from([0x88]));
    assert.equal(last.readUInt16BE(close + 2), 1008);
    assert.equal(relay.counters.cut.ops, 1);
  });
}

test('a client that is back may join all it was in at once, however many that is', async (t) => {
  const { relay } = await startLocalRelay(t, { maxOpRate: RATE, maxTopicsPerConnection: 0 });
  const client = await EnvelopedClient.open(t, relay.port);
  const topics = 5 * BURST;
  for (let n = 0; n < topics; n++) client.say({ op: 'sub', topic: `name/${n}` });
  await client.handled();
  assert.equal(relay.topics.size, topics);
});

test('what a busy client asks stays within the budget, which fills again', async (t) => {
  const { relay } = await startLocalRelay(t, { maxOpRate: RATE });
  const client = await EnvelopedClient.open(t, relay.port);
  // The rate and nine tenths of the burst: the rest is what a slow machine may need longer.
  for (let round = 0; round < 3; round++) {
    for (let n = 0; n < 0.3 * BURST; n++) client.say({ op: 'unsub', topic: 'name' });
    await client.handled();
    await sleep(50);
  }
  assert.equal(relay.counters.cut.ops, 0);
});

test('a question for a topic with many members costs more than one for a few', async (t) => {
  const { relay } = await startLocalRelay(t, { maxOpRate: RATE, presence: ['*'] });
  const members = await Promise.all(Array.from({ length: 100 }, () => EnvelopedClient.open(t, relay.port)));
  for (const member of members) await member.ask({ op: 'sub', topic: 'many' });
  const asked = async (topic: string): Promise<number> => {
    const client = await EnvelopedClient.open(t, relay.port);
    for (let n = 0; n < 2 * BURST; n++) client.say({ op: 'presence', topic, id: n });
    await client.closed;
    return client.heard.filter((said) => said.op === 'ok').length;
  };
  const [few, many] = [await asked('nobody'), await asked('many')];
  assert.ok(many < few / 3, `${many} against ${few}`);
});

test('with --max-op-rate 0 nobody is closed for it', async (t) => {
  const { relay } = await startLocalRelay(t, { maxOpRate: 0 });
  const client = await EnvelopedClient.open(t, relay.port);
  for (let n = 0; n < 20_000; n++) client.say({ op: 'unsub', topic: 'name' });
  await client.handled();
  assert.equal(relay.counters.cut.ops, 0);
});
