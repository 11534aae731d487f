// The publish API over real HTTP: what subscribers get, what publishers are told, and that bodies never outgrow their
// bounds.
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { test } from 'node:test';
import { SignJWT } from 'jose';
import { startLocalRelay } from '../../support/local-relay.js';
import { SocketClient } from '../../support/socket-client.js';

const SECRET = 'a secret of more than thirty-two bytes';

async function post(url: string, body: string | Uint8Array, headers: Record<string, string> = {}) {
  const response = await fetch(url, { method: 'POST', body, headers });
  const text = await response.text();
  return { status: response.status, headers: response.headers, content: text === '' ? undefined : JSON.parse(text) };
}

function errorCode({ status, content }: { status: number; content: { error: { code: string } } }): [number, string] {
  return [status, content.error.code];
}

test('a body reaches every subscriber verbatim, as text or binary by its content type', {
  timeout: 60_000,
}, async (t) => {
  const { http, url } = await startLocalRelay(t);
  const topic = 'räume/a b';
  const path = `/${encodeURIComponent(topic)}`;
  const clients = await Promise.all([1, 2].map(() => SocketClient.open(t, url + path)));
  const bytes = Uint8Array.from({ length: 70_000 }, (_, index) => index % 251).subarray(0, 65_536);
  const bodies: [string | Uint8Array, string, boolean][] = [
    ['{"a": 1 }', 'application/json', false],
    ['ünïcode', 'text/plain; charset=utf-8', false],
    ['{}', 'application/vnd.x+json', false],
    ['{"n":1}', 'application/x-ndjson', false],
    ['sent by curl -d', 'application/x-www-form-urlencoded', false],
    [Uint8Array.of(0x89, 0xff), 'application/x-www-form-urlencoded', true],
    [bytes, 'application/octet-stream', true],
    ['', 'text/plain', false],
  ];
  for (const [body, type, isBinary] of bodies) {
    const { status, content } = await post(`${http}/publish${path}`, body, { 'content-type': type });
    assert.deepEqual([status, content], [202, { topic, subscribers: 2, frame: isBinary ? 'binary' : 'text' }]);
  }
  for (const client of clients) {
    await client.count(bodies.length);
    assert.deepEqual(
      client.received.map(({ payload, isBinary }) => [payload, isBinary]),
      bodies.map(([body, , isBinary]) => [Buffer.from(body), isBinary]),
    );
  }
});

test('a batch publishes in order what it can, and lists the lines it cannot', { timeout: 60_000 }, async (t) => {
  const { http, url } = await startLocalRelay(t, { maxPayloadBytes: 100 });
  const client = await SocketClient.open(t, `${url}/room`);
  const lines = [
    '{"topic":"room","data":{"n": 1.50}}',
    '{"topic":"room","data":"plain"}',
    'not json',
    '',
    '{"data":1}',
    `{"topic":"room","data":"${'x'.repeat(101)}"}`,
    '{"topic":"room","data":"AAEC","encoding":"base64"}',
    '{"topic":"elsewhere","data":null}',
    ...Array.from({ length: 200 }, (_, index) => `{"topic":"room","data":${index}}`),
  ];
  const { status, content } = await post(`${http}/publish`, lines.join('\n'), {
    'content-type': 'application/x-ndjson',
  });
  assert.equal(status, 202);
  assert.equal(content.accepted, 204);
  assert.deepEqual(
    content.rejected.map(({ line, code }: { line: number; code: string }) => [line, code]),
    [
      [3, 'FANWIRE_BATCH_JSON'],
      [5, 'FANWIRE_BATCH_FIELD'],
      [6, 'FANWIRE_PAYLOAD_TOO_LARGE'],
    ],
  );
  await client.count(203);
  assert.deepEqual(client.texts.slice(0, 2), ['{"n": 1.50}', 'plain']);
  assert.deepEqual([client.received[2]?.payload, client.received[2]?.isBinary], [Buffer.from([0, 1, 2]), true]);
  assert.deepEqual(
    client.texts.slice(3),
    Array.from({ length: 200 }, (_, index) => String(index)),
  );
});

test('tokens, permissions, origins and rates hold for HTTP as for sockets', { timeout: 60_000 }, async (t) => {
  const { http, relay, log } = await startLocalRelay(t, {
    auth: 'jwt',
    jwtSecret: SECRET,
    origins: ['https://app.example.com'],
    maxPublishRate: 3,
  });
  const sign = (sub: string, pub: string[]) =>
    new SignJWT({ sub, fanwire: { pub } }).setProtectedHeader({ alg: 'HS256' }).sign(Buffer.from(SECRET));
  const token = await sign('alice', ['room:*']);
  const bearer = { authorization: `Bearer ${token}`, 'content-type': 'text/plain' };
  assert.deepEqual(errorCode(await post(`${http}/publish/room:1`, 'x')), [401, 'FANWIRE_TOKEN_MISSING']);
  assert.deepEqual(errorCode(await post(`${http}/publish/lobby`, 'x', bearer)), [403, 'FANWIRE_PUBLISH_FORBIDDEN']);
  const evil = { ...bearer, origin: 'https://evil.example' };
  assert.deepEqual(errorCode(await post(`${http}/publish/room:1`, 'x', evil)), [403, 'FANWIRE_ORIGIN_FORBIDDEN']);
  const page = await post(`${http}/publish/room:1`, 'x', { ...bearer, origin: 'https://app.example.com' });
  assert.equal(page.headers.get('access-control-allow-origin'), 'https://app.example.com');
  assert.equal((await post(`${http}/publish/room:1?token=${token}`, 'x')).status, 202);
  const batch = await post(
    `${http}/publish`,
    '{"topic":"room:1","data":1}\n{"topic":"x","data":1}\n'.repeat(3),
    bearer,
  );
  const codes = batch.content.rejected.map(({ code }: { code: string }) => code);
  const count = (code: string) => codes.filter((each: string) => each === code).length;
  assert.equal(batch.content.accepted + count('FANWIRE_PUBLISH_RATE'), 3);
  assert.equal(count('FANWIRE_PUBLISH_FORBIDDEN'), 3);
  let limited = await post(`${http}/publish/room:1`, 'x', bearer);
  while (limited.status === 202) limited = await post(`${http}/publish/room:1`, 'x', bearer);
  assert.deepEqual(errorCode(limited), [429, 'FANWIRE_PUBLISH_RATE']);
  assert.ok(Number(limited.headers.get('retry-after')) > 0);
  const other = { authorization: `Bearer ${await sign('bob', ['*'])}` };
  assert.equal((await post(`${http}/publish/room:1`, 'x', other)).status, 202);
  assert.equal(relay.counters.refused.get('FANWIRE_TOKEN_MISSING'), 1);
  assert.ok(!log().includes(token));
  const preflight = await fetch(`${http}/publish/room:1`, {
    method: 'OPTIONS',
    headers: { origin: 'https://app.example.com' },
  });
  assert.deepEqual([preflight.status, preflight.headers.get('access-control-allow-methods')], [204, 'POST, OPTIONS']);
});

test('what is no topic, no UTF-8 or too large is refused with its code, and nothing of it is published', {
  timeout: 60_000,
}, async (t) => {
  const { http, url, relay } = await startLocalRelay(t, { maxPayloadBytes: 1000, maxBatchBytes: 2000 });
  const client = await SocketClient.open(t, `${url}/room`);
  const text = { 'content-type': 'text/plain' };
  const bad = Uint8Array.of(0x61, 0xff);
  assert.deepEqual(errorCode(await post(`${http}/publish/%00`, 'x', text)), [400, 'FANWIRE_TOPIC_NAME']);
  assert.deepEqual(errorCode(await post(`${http}/publish/room`, bad, text)), [400, 'FANWIRE_BODY_UTF8']);
  assert.deepEqual(errorCode(await post(`${http}/publish`, bad, text)), [400, 'FANWIRE_BODY_UTF8']);
  for (const size of [1001, 5000, 200_000]) {
    const tooLarge = await post(`${http}/publish/room`, new Uint8Array(size));
    assert.deepEqual(errorCode(tooLarge), [413, 'FANWIRE_PAYLOAD_TOO_LARGE']);
  }
  assert.equal((await post(`${http}/publish`, ' '.repeat(2001))).status, 413);
  assert.equal((await post(`${http}/publish/room`, 'kept', text)).status, 202);
  await client.count(1);
  assert.deepEqual(client.texts, ['kept']);
  assert.equal(relay.counters.published, 1);
});

test('bodies that never end hold no more than the budget, others get 503 meanwhile, and what they held comes back', {
  timeout: 60_000,
}, async (t) => {
  const MIB = 1024 * 1024;
  const { http, relay } = await startLocalRelay(t);
  const stuck = Array.from({ length: 16 }, () => {
    const socket = connect(relay.port, '127.0.0.1');
    t.after(() => socket.destroy());
    socket.on('error', () => {});
    socket.write(`POST /publish HTTP/1.1\r\nHost: x\r\nContent-Length: ${MIB}\r\n\r\n`);
    socket.write(Buffer.alloc(MIB - 1, 0x20));
    return socket;
  });
  const publish = () => post(`${http}/publish/room`, new Uint8Array(60_000));
  let answer = await publish();
  while (answer.status === 202) answer = await publish();
  assert.deepEqual(errorCode(answer), [503, 'FANWIRE_PUBLISH_BUSY']);
  assert.equal(answer.headers.get('retry-after'), '1');
  assert.ok((relay.counters.refused.get('FANWIRE_PUBLISH_BUSY') ?? 0) >= 1);
  for (const socket of stuck) socket.destroy();
  while (answer.status === 503) answer = await publish();
  assert.equal(answer.status, 202);
});

test('a draining relay takes no more publishes', { timeout: 60_000 }, async (t) => {
  const { http, relay, url } = await startLocalRelay(t, { drainMs: 0 });
  const socket = connect(relay.port, '127.0.0.1');
  t.after(() => socket.destroy());
  const client = await SocketClient.open(t, `${url}/room`);
  assert.equal((await post(`${http}/publish/room`, 'before')).status, 202);
  await client.count(1);
  await relay.drain();
  socket.write('POST /publish/room HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx');
  const answer = await new Promise<string>((resolve) => socket.once('data', (data) => resolve(data.toString())));
  assert.match(answer, /^HTTP\/1.1 503 [\s\S]*Connection: close[\s\S]*FANWIRE_DRAINING/i);
  assert.equal(relay.counters.published, 1);
});

test('a key that would arrive as another one is refused: beyond ASCII in a header, two of them, one for a whole batch', async (t) => {
  const { http } = await startLocalRelay(t, { state: 't' });
  const text = { 'content-type': 'text/plain' };
  const key = 'räume/a';
  assert.equal((await post(`${http}/publish/t?key=${encodeURIComponent(key)}`, '1', text)).status, 202);
  // As curl sends it: the header's bytes are UTF-8.
  const header = { ...text, 'fanwire-key': Buffer.from(key).toString('latin1') };
  assert.deepEqual(errorCode(await post(`${http}/publish/t`, '2', header)), [400, 'FANWIRE_PUBLISH_QUERY']);
  const twice = (name: string) =>
    post(`${http}/publish/t?key=${encodeURIComponent(key)}`, '1', { ...text, 'fanwire-key': name });
  assert.deepEqual(errorCode(await twice('b')), [400, 'FANWIRE_PUBLISH_QUERY']);
  const same = await post(`${http}/publish/same?key=b`, '1', { ...text, 'fanwire-key': 'b' });
  assert.equal(same.status, 202);
  const batch = await post(`${http}/publish?key=a`, '{"topic":"t","data":1}', {
    'content-type': 'application/x-ndjson',
  });
  assert.deepEqual(errorCode(batch), [400, 'FANWIRE_PUBLISH_QUERY']);
  const state = (await (await fetch(`${http}/topics/t/state`)).json()) as { messages: { key: string; data: string }[] };
  assert.deepEqual(
    state.messages.map((message) => [message.key, message.data]),
    [[key, '1']],
  );
});
