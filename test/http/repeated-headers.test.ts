// Headers sent in several lines: lists are read as one (RFC 9110, 5.3), two lengths end the connection (RFC 9112, 6.3).
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { type TestContext, test } from 'node:test';
import { WebSocket } from 'ws';
import { startLocalRelay, until } from '../support/local-relay.js';

/** What a connection hears until `enough`, or until it is closed. */
function exchange(t: TestContext, port: number, write: string, enough: RegExp): Promise<string> {
  return new Promise((resolve, reject) => {
    let heard = '';
    const socket = connect({ port, host: '127.0.0.1' }, () => socket.write(write));
    t.after(() => socket.destroy());
    socket.on('data', (chunk) => {
      heard += chunk.toString('latin1');
      if (enough.test(heard)) resolve(heard);
    });
    socket.on('close', () => resolve(`${heard}(closed)`));
    socket.on('error', (error: NodeJS.ErrnoException) => error.code === 'ECONNRESET' || reject(error));
  });
}

const KNOCK = `GET /news HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${'A'.repeat(22)}==\r\n`;

test('an upgrade whose Connection or subprotocols come in two lines is let in', async (t) => {
  const { relay } = await startLocalRelay(t);
  const lines = [
    'Connection: keep-alive\r\nConnection: Upgrade\r\n',
    'Connection: Upgrade\r\nSec-WebSocket-Protocol: chat\r\nSec-WebSocket-Protocol: fanwire.v1\r\n',
    'Connection: Upgrade\r\nSec-WebSocket-Protocol: fanwire.token.abc\r\nSec-WebSocket-Protocol: fanwire.v1\r\n',
  ];
  const answers = await Promise.all(lines.map((line) => exchange(t, relay.port, `${KNOCK}${line}\r\n`, /\r\n\r\n/)));
  for (const answer of answers) assert.match(answer, /^HTTP\/1\.1 101 /);
  for (const answer of answers.slice(1)) assert.match(answer, /Sec-WebSocket-Protocol: fanwire\.v1\r\n/i);
});

test('a request with two lengths publishes nothing, and what follows is not read as another one', async (t) => {
  const { relay, url } = await startLocalRelay(t);
  const socket = new WebSocket(`${url}/news`);
  t.after(() => socket.terminate());
  const heard: string[] = [];
  socket.on('message', (data) => heard.push(String(data)));
  await until(() => socket.readyState === WebSocket.OPEN);
  const second = 'POST /publish/news HTTP/1.1\r\nHost: x\r\nContent-Length: 8\r\n\r\nsmuggled';
  const head = 'POST /publish/news HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\n';
  const lengths = `Content-Length: 1\r\nContent-Length: ${1 + second.length}\r\n`;
  assert.equal(await exchange(t, relay.port, `${head}${lengths}\r\nx${second}`, /closed/), '(closed)');
  const alone = await exchange(t, relay.port, `${head}${lengths}\r\n`, /closed/);
  assert.match(alone, /^HTTP\/1\.1 400 [^\0]*FANWIRE_BODY_LENGTH[^\0]*\(closed\)$/);
  const same = 'Content-Length: 4\r\nContent-Length: 4\r\n';
  assert.match(await exchange(t, relay.port, `${head}${same}\r\nlast`, /\}/), /^HTTP\/1\.1 202 /);
  await until(() => heard.length > 0);
  assert.deepEqual(heard, ['last']);
});
