// How a body may come, and what becomes of one that cannot go out as it is; and pages of other origins, which hear of
// either.
import assert from 'node:assert/strict';
import { connect, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { startLocalRelay } from '../../support/local-relay.js';
import { SocketClient } from '../../support/socket-client.js';

interface Spoken {
  readonly socket: Socket;
  readonly text: () => string;
  readonly ended: Promise<void>;
}

function speak(t: TestContext, port: number, ...writes: string[]): Spoken {
  let heard = '';
  const socket = connect(port, '127.0.0.1');
  t.after(() => socket.destroy());
  socket.on('data', (chunk) => (heard += chunk)).on('error', () => {});
  for (const write of writes) socket.write(write);
  return { socket, text: () => heard, ended: new Promise((resolve) => socket.once('close', () => resolve())) };
}

const head = (...headers: string[]): string =>
  ['POST /publish/room HTTP/1.1', 'Host: x', 'Content-Type: text/plain', ...headers, '', ''].join('\r\n');

test('an encoded body is refused by what encodes it, and nothing of it is published', {
  timeout: 60_000,
}, async (t) => {
  const { http, relay } = await startLocalRelay(t);
  const reader = await SocketClient.open(t, `ws://127.0.0.1:${relay.port}/room`);
  const refusals: [Record<string, string>, number, string][] = [
    [{ 'content-encoding': 'gzip' }, 415, 'FANWIRE_BODY_ENCODING'],
    [{ 'content-encoding': 'br' }, 415, 'FANWIRE_BODY_ENCODING'],
    [{ 'content-type': 'text/plain; charset=utf-16' }, 415, 'FANWIRE_BODY_CHARSET'],
    [{ 'content-type': 'application/json; charset="ISO-8859-1"' }, 415, 'FANWIRE_BODY_CHARSET'],
  ];
  for (const [headers, status, code] of refusals) {
    const response = await fetch(`${http}/publish/room`, { method: 'POST', body: 'x', headers });
    const { error } = (await response.json()) as { error: { code: string } };
    assert.deepEqual([response.status, error.code], [status, code]);
    assert.equal(response.headers.get('accept-encoding'), 'identity');
  }
  const gzip = speak(t, relay.port, head('Transfer-Encoding: gzip, chunked'), '2\r\nhi\r\n0\r\n\r\n');
  await gzip.ended;
  assert.match(gzip.text(), /^HTTP\/1.1 501 .*FANWIRE_BODY_TRANSFER/s);
  for (const headers of [{ 'content-encoding': 'identity' }, { 'content-type': 'text/plain;charset=UTF-8' }]) {
    assert.equal((await fetch(`${http}/publish/room`, { method: 'POST', body: 'x', headers })).status, 202);
  }
  await reader.count(2);
  assert.equal(reader.received.length, 2);
});

test('a body with a trailer is published never, or answered only once', { timeout: 60_000 }, async (t) => {
  const { relay } = await startLocalRelay(t);
  const reader = await SocketClient.open(t, `ws://127.0.0.1:${relay.port}/room`);
  const trailing = '2\r\nhi\r\n0\r\nX-Checksum: 1\r\n\r\n';
  const declared = speak(t, relay.port, `${head('Transfer-Encoding: chunked', 'Trailer: X-Checksum')}2\r\nhi\r\n`);
  await declared.ended;
  assert.match(declared.text(), /^HTTP\/1.1 400 .*FANWIRE_BODY_TRAILER/s);
  const silent = speak(t, relay.port, head('Transfer-Encoding: chunked') + trailing);
  await silent.ended; // uWS answers it, with 505
  assert.equal(silent.text().match(/HTTP\/1\.1/g)?.length, 1);
  assert.equal(relay.counters.published, 0);
  const plain = speak(t, relay.port, `${head('Transfer-Encoding: chunked')}2\r\nhi\r\n0\r\n\r\n`);
  await reader.count(1);
  assert.equal(reader.received.length, 1);
  plain.socket.destroy();
});

test('a slow upload arrives, and one that does not arrive in 30 s is answered 408', { timeout: 90_000 }, async (t) => {
  const { relay } = await startLocalRelay(t);
  const slow = speak(t, relay.port, head('Content-Length: 16'));
  const stalled = speak(t, relay.port, head('Content-Length: 16'), 'begun');
  // uWS by itself cuts both after 10 to 12 s, without an answer.
  for (let sent = 0; sent < 16; sent++) {
    await sleep(1000);
    slow.socket.write('x');
  }
  while (!slow.text().includes('\r\n\r\n')) await sleep(5);
  assert.match(slow.text(), /^HTTP\/1.1 202 /);
  await stalled.ended;
  assert.match(stalled.text(), /^HTTP\/1.1 408 .*FANWIRE_BODY_SLOW/s);
  assert.equal(relay.counters.published, 1);
});

test('a page of an allowed origin reads every answer, refusals too, and may send what headers it likes', {
  timeout: 60_000,
}, async (t) => {
  const { http } = await startLocalRelay(t, { origins: ['https://app.example.com'] });
  const origin = 'https://app.example.com';
  const url = `${http}/publish/room`;
  const asked = 'traceparent,x-requested-with,baggage,authorization,content-type';
  const preflight = await fetch(url, {
    method: 'OPTIONS',
    headers: { origin, 'access-control-request-method': 'POST', 'access-control-request-headers': asked },
  });
  assert.equal(preflight.status, 204);
  assert.equal(preflight.headers.get('access-control-allow-headers'), asked);
  assert.match(preflight.headers.get('access-control-allow-methods') ?? '', /\bPOST\b/);
  const answers = [
    preflight,
    await fetch(url, { method: 'POST', body: 'x', headers: { origin } }),
    await fetch(url, { method: 'POST', body: 'x', headers: { origin, 'content-encoding': 'gzip' } }),
    await fetch(`${http}/publish/`, { method: 'POST', body: 'x', headers: { origin } }),
    await fetch(url, { method: 'PUT', body: 'x', headers: { origin } }),
    await fetch(`${http}/nowhere`, { method: 'POST', body: 'x', headers: { origin } }),
    await fetch(`${http}/nowhere`, { headers: { origin } }),
  ];
  assert.deepEqual(
    answers.map(({ status }) => status),
    [204, 202, 415, 400, 405, 404, 426],
  );
  for (const { headers, status } of answers) {
    assert.equal(headers.get('access-control-allow-origin'), origin, String(status));
    assert.equal(headers.get('access-control-allow-credentials'), 'true', String(status));
    assert.equal(headers.get('vary'), 'Origin', String(status));
  }
  for (const method of ['OPTIONS', 'POST']) {
    const foreign = await fetch(url, { method, headers: { origin: 'https://evil.example' } });
    assert.deepEqual([foreign.status, foreign.headers.get('access-control-allow-origin')], [403, null]);
  }
});
