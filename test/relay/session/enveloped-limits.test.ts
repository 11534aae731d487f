// fanwire.v1 under hostile and slow clients: every loss is told to the message, and nothing is left behind when they
// are gone.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { SignJWT } from 'jose';
import { WebSocket } from 'ws';
import type { ServerOp } from '../../../src/protocol/ops.js';
import { EnvelopedClient } from '../../support/enveloped-client.js';
import { serve } from '../../support/fanwire-process.js';
import { closeCode, startLocalRelay, until } from '../../support/local-relay.js';

test('in drop mode an enveloped socket is told of each message it lost, to the message', async (t) => {
  const { relay } = await startLocalRelay(t, { slowConsumer: 'drop', maxBackpressureBytes: 64 * 1024 });
  const slow = await EnvelopedClient.open(t, relay.port);
  await slow.ask({ op: 'sub', topic: 'room' });
  slow.socket.pause();
  const publisher = await EnvelopedClient.open(t, relay.port);
  const data = 'x'.repeat(10_000);
  let published = 0;
  while (relay.slow.laggingNow === 0 || published % 100 !== 0) {
    publisher.say({ op: 'pub', topic: 'room', data });
    if (++published % 50 === 0) await publisher.handled();
  }
  slow.socket.resume();
  await until(() => relay.slow.laggingNow === 0);
  publisher.say({ op: 'pub', topic: 'room', data: 'end' });
  published++;
  await slow.until((heard) => heard.find((said) => said.op === 'msg' && said.data === 'end'));
  const received = slow.heard.filter(({ op }) => op === 'msg').length;
  const lost = slow.heard.flatMap((said) => (said.op === 'lost' ? [said.count] : []));
  assert.ok(lost.length > 0);
  assert.equal(received + lost.reduce((sum, count) => sum + count, 0), published);
});

test('a client that asks and asks and never reads is closed with 1013', async (t) => {
  const { relay } = await startLocalRelay(t, { presence: ['room'], maxBackpressureBytes: 64 * 1024, maxOpRate: 0 });
  const members = await Promise.all(Array.from({ length: 30 }, () => EnvelopedClient.open(t, relay.port)));
  for (const member of members) await member.ask({ op: 'sub', topic: 'room' });
  const greedy = await EnvelopedClient.open(t, relay.port);
  greedy.socket.pause();
  const op = JSON.stringify({ op: 'presence', topic: 'room', id: 1 });
  await until(() => {
    for (let n = 0; n < 200; n++) greedy.say(op);
    return relay.counters.slowConsumers > 0;
  });
  greedy.socket.resume();
  assert.equal((await greedy.closed).code, 1013);
});

test('frames of any kind get an answer or a close, and leave neither topics nor connections behind', async (t) => {
  const { relay } = await startLocalRelay(t, { presence: ['*'], history: '*=10,1m,64k', maxTopicsPerConnection: 5 });
  const topic = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', '', '\0', 'x'.repeat(201));
  const op = fc.record(
    {
      op: fc.constantFrom('sub', 'unsub', 'pub', 'presence', 'auth', 'ping', 'sing'),
      topic,
      id: fc.oneof(fc.nat(), fc.string(), fc.jsonValue()),
      since: fc.oneof(fc.record({ epoch: fc.string(), seq: fc.integer() }), fc.jsonValue()),
      data: fc.jsonValue(),
      encoding: fc.constantFrom('base64', 1),
      token: fc.jsonValue(),
    },
    { requiredKeys: ['op'] },
  );
  const frame = fc.oneof(
    { weight: 8, arbitrary: op.map((said) => JSON.stringify(said)) },
    fc.json(),
    fc.string(),
    fc.uint8Array(),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(frame, { maxLength: 60, size: 'max' }), fc.boolean(), async (frames, cut) => {
      const client = await EnvelopedClient.open(t, relay.port);
      for (const said of frames) client.socket.send(said as string);
      if (cut) client.socket.terminate();
      else {
        await client.handled();
        const answers = client.heard.filter(({ op }) => op === 'error' || op === 'ok' || op === 'pong');
        for (const answer of answers) {
          if (answer.op === 'error') assert.match(answer.code, /^FANWIRE_[A-Z_]+$/);
        }
        client.socket.close();
      }
      await until(() => relay.connections.size === 0);
      assert.equal(relay.topics.size, 0);
    }),
    { numRuns: 150 },
  );
});

test('a message over the limit closes an enveloped socket with 1009', async (t) => {
  const { relay } = await startLocalRelay(t, { maxPayloadBytes: 1000 });
  const client = await EnvelopedClient.open(t, relay.port);
  client.say({ op: 'pub', topic: 'room', data: 'x'.repeat(1000) });
  assert.equal((await client.closed).code, 1009);
});

test('a connection goes on under a new token of the same user, leaves what it may not hear any more, and refuses another user', async (t) => {
  const secret = 'a secret of more than thirty-two bytes';
  const { relay, url } = await startLocalRelay(t, { auth: 'jwt', jwtSecret: secret });
  const sign = (sub: string, topics: string[]) =>
    new SignJWT({ sub, fanwire: { sub: topics, pub: topics } })
      .setProtectedHeader({ alg: 'HS256' })
      .setExpirationTime('1m')
      .sign(Buffer.from(secret));
  await assert.rejects(EnvelopedClient.open(t, relay.port), /401/);
  const client = await EnvelopedClient.open(t, relay.port, [
    'fanwire.v1',
    `fanwire.token.${await sign('ann', ['a', 'b'])}`,
  ]);
  assert.equal((await client.ask({ op: 'sub', topic: 'a' })).op, 'ok');
  assert.equal((await client.ask({ op: 'sub', topic: 'b' })).op, 'ok');
  const codeFor = async (op: object) => ((await client.ask(op)) as { code?: string }).code;
  assert.equal(await codeFor({ op: 'sub', topic: 'c' }), 'FANWIRE_SUBSCRIBE_FORBIDDEN');
  assert.equal(await codeFor({ op: 'pub', topic: 'c', data: 1 }), 'FANWIRE_PUBLISH_FORBIDDEN');
  assert.equal(await codeFor({ op: 'auth', token: 'x.y.z' }), 'FANWIRE_TOKEN_MALFORMED');
  assert.equal(await codeFor({ op: 'auth', token: await sign('eve', ['a']) }), 'FANWIRE_AUTH_OTHER_USER');
  assert.equal(await codeFor({ op: 'auth', token: await sign('ann', ['a', 'c']) }), undefined);
  const told = client.heard.find((said) => said.op === 'error' && said.topic === 'b') as ServerOp & { code: string };
  assert.equal(told.code, 'FANWIRE_SUBSCRIBE_FORBIDDEN');
  assert.equal(relay.topics.find('b'), undefined);
  const other = await EnvelopedClient.open(t, relay.port, ['fanwire.v1', `fanwire.token.${await sign('bob', ['a'])}`]);
  await other.ask({ op: 'sub', topic: 'a' });
  await client.ask({ op: 'pub', topic: 'a', data: 'who' });
  assert.deepEqual(await other.messages(1), [{ op: 'msg', topic: 'a', data: 'who', from: 'ann' }]);
  // An enveloped client's path names no topic, so it needs no permission for one.
  const elsewhere = new WebSocket(`${url}/any/path`, ['fanwire.v1', `fanwire.token.${await sign('ann', ['a'])}`]);
  await once(elsewhere, 'open');
  elsewhere.close();
  await closeCode(elsewhere);
});

test('a new token without an id is answered too, also by a relay that asks for none', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'fanwire-token-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const [tokensFile, token] = [join(folder, 'tokens.json'), 'ann-0123456789abcdef'];
  writeFileSync(tokensFile, JSON.stringify({ tokens: [{ token, user: 'ann' }] }));
  for (const args of [[], ['--auth', 'static', '--tokens-file', tokensFile]]) {
    const relay = await serve(t, args);
    const client = await EnvelopedClient.open(t, relay.port, ['fanwire.v1', `fanwire.token.${token}`]);
    client.say({ op: 'auth', token });
    client.say({ op: 'auth' });
    assert.deepEqual(await client.until((heard) => heard.find(({ op }) => op === 'ok')), { op: 'ok' }, args.join(' '));
    const refused = await client.until((heard) => heard.find((said) => said.op === 'error'));
    assert.equal(refused.code, 'FANWIRE_OP_FIELD');
    assert.equal(client.heard.length, 2);
  }
});
