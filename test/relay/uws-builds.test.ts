// What the relay relies on in uWebSockets.js, the same in every build: the alias gives Node 20 a much older one than
// Node 22 and 24. CI plays this file on each of them.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { type TestContext, test } from 'node:test';
import { WebSocket as WsClient } from 'ws';
import { uwsBuild } from '../../src/base/uws-build.js';
import { closeReason, utf8 } from '../../src/relay/bytes.js';
import {
  App,
  DISABLED,
  listenExclusively,
  type TemplatedApp,
  us_listen_socket_close,
  us_socket_local_port,
  type WebSocketBehavior,
} from '../../src/relay/uws.js';
import { SocketClient } from '../support/socket-client.js';
import { frame, upgraded } from '../support/wire.js';

interface State {
  name: string;
}

const ROOM = utf8('räume');
const MAX_BACKPRESSURE = 64 * 1024;

function listening(t: TestContext, app: TemplatedApp): Promise<number> {
  return new Promise((resolve, reject) =>
    listenExclusively(app, '127.0.0.1', 0, (token) => {
      if (token === false) return reject(new Error('cannot listen'));
      t.after(() => app.close());
      resolve(us_socket_local_port(token));
    }),
  );
}

function serving(t: TestContext, behavior: Partial<WebSocketBehavior<State>>): Promise<number> {
  const limits = { maxPayloadLength: 1 << 20, maxBackpressure: MAX_BACKPRESSURE, idleTimeout: 40, maxLifetime: 0 };
  const app = App().ws<State>(utf8('/*'), {
    ...limits,
    sendPingsAutomatically: true,
    compression: DISABLED,
    upgrade: (res, req, context) => {
      const name = req.getUrl().slice(1);
      const [key, protocol, extensions] = [
        'sec-websocket-key',
        'sec-websocket-protocol',
        'sec-websocket-extensions',
      ].map((header) => utf8(req.getHeader(utf8(header)))) as [Uint8Array, Uint8Array, Uint8Array];
      let aborted = false;
      res.onAborted(() => {
        aborted = true;
      });
      // Later, as after a token was checked.
      setImmediate(() => {
        if (!aborted) res.cork(() => res.upgrade({ name }, key, protocol, extensions, context));
      });
    },
    open: (ws) => {
      ws.subscribe(ROOM);
    },
    message: () => {},
    ...behavior,
  });
  return listening(t, app);
}

test(`${uwsBuild()}: a publish leaves its sender out, reaches everyone else in order, and bytes name a topic`, async (t) => {
  const published: boolean[] = [];
  const port = await serving(t, {
    message: (ws, message) => {
      // More than the 32 that uWS keeps for a subscriber, within one turn.
      for (let n = 0; n < 100; n++) published.push(ws.publish(ROOM, utf8(`${n} ${Buffer.from(message)}`), false));
    },
  });
  const url = `ws://127.0.0.1:${port}/x`;
  const [sender, first, second] = await Promise.all([1, 2, 3].map(() => SocketClient.open(t, url)));
  sender?.socket.send('grüße');
  await Promise.all([first?.count(100), second?.count(100)]);
  const expected = Array.from({ length: 100 }, (_, n) => `${n} grüße`);
  assert.deepEqual(first?.texts, expected);
  assert.deepEqual(second?.texts, expected);
  assert.deepEqual(sender?.texts, []);
  assert.deepEqual(new Set(published), new Set([true]));
});

test('who is not subscribed hears nothing, and its publish is refused', async (t) => {
  const answers: boolean[] = [];
  const port = await serving(t, {
    message: (ws) => {
      answers.push(ws.unsubscribe(ROOM), ws.unsubscribe(ROOM), ws.publish(ROOM, utf8('x'), false));
      ws.send(utf8('done'), false);
    },
  });
  const client = await SocketClient.open(t, `ws://127.0.0.1:${port}/x`);
  client.socket.send('go');
  await client.count(1);
  assert.deepEqual(answers, [true, false, false]);
});

test('send says what became of a message: written, waiting, dropped; drain tells when it has gone', async (t) => {
  const said: number[] = [];
  const buffered: number[] = [];
  let drained = 0;
  const port = await serving(t, {
    message: (ws) => {
      const chunk = Buffer.alloc(32 * 1024, 'x');
      for (let n = 0; n < 400; n++) said.push(ws.send(chunk, true));
      buffered.push(ws.getBufferedAmount());
    },
    drain: () => drained++,
  });
  const socket = await upgraded(t, port, '/x');
  socket.pause();
  socket.write(frame({ opcode: 1, payload: Buffer.from('go') }));
  while (said.length < 400) await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(
    [...new Set(said)].sort(),
    [0, 1, 2].filter((one) => said.includes(one)),
  );
  assert.ok(said.includes(2) && said.includes(0), `${[...new Set(said)]}`);
  assert.equal(said.indexOf(2) > said.indexOf(0), true, 'dropped only once something waits');
  assert.ok((buffered[0] as number) > 0 && (buffered[0] as number) <= 2 * MAX_BACKPRESSURE + 64 * 1024, `${buffered}`);
  socket.resume();
  while (drained === 0) await new Promise((resolve) => setTimeout(resolve, 5));
});

test('end closes with its code and reason, and calls the close handler before it returns', async (t) => {
  const order: string[] = [];
  const port = await serving(t, {
    message: (ws) => {
      ws.end(4000, closeReason('räume'));
      order.push('ended');
      assert.throws(() => ws.getBufferedAmount());
    },
    close: (_ws, code) => order.push(`closed ${code}`),
  });
  const client = await SocketClient.open(t, `ws://127.0.0.1:${port}/x`);
  client.socket.send('go');
  assert.deepEqual(await client.closed, { code: 4000, reason: 'räume' });
  assert.deepEqual(order, ['closed 4000', 'ended']);
});

test('a message is the bytes it was, text or binary, whole; its memory is taken back when the handler returns', async (t) => {
  const seen: [string, boolean][] = [];
  const kept: ArrayBuffer[] = [];
  const port = await serving(t, {
    message: (ws, message, isBinary) => {
      seen.push([Buffer.from(message).toString(), isBinary]);
      kept.push(message);
      ws.send(utf8('seen'), false);
    },
  });
  const socket = await upgraded(t, port, '/x');
  const half = Buffer.from('grüße');
  socket.write(
    Buffer.concat([
      frame({ opcode: 1, fin: false, payload: half.subarray(0, 3) }),
      frame({ opcode: 0, payload: half.subarray(3) }),
    ]),
  );
  socket.write(frame({ opcode: 2, payload: Buffer.from('b') }));
  while (seen.length < 2) await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(seen, [
    ['grüße', false],
    ['b', true],
  ]);
  assert.deepEqual(
    kept.map(({ byteLength }) => byteLength),
    [0, 0],
  );
});

for (const [what, bytes] of [
  ['text that is not UTF-8', frame({ opcode: 1, payload: Buffer.from([0xff]) })],
  ['a message too big', frame({ opcode: 2, payload: Buffer.alloc((1 << 20) + 1) })],
  ['an unknown opcode', frame({ opcode: 3 })],
] as const) {
  test(`${what} is not handed over, and cuts the socket`, async (t) => {
    const port = await serving(t, { message: () => assert.fail('handed over') });
    const socket = await upgraded(t, port, '/x');
    socket.write(bytes);
    await new Promise((resolve) => socket.resume().once('close', resolve));
  });
}

test('a subprotocol is answered with, and a handshake that its client gives up harms nobody', async (t) => {
  const port = await serving(t, {});
  const given = connect(port, '127.0.0.1');
  given.write(
    'GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n',
  );
  given.resetAndDestroy();
  const client = new WsClient(`ws://127.0.0.1:${port}/`, 'fanwire.v1');
  t.after(() => client.terminate());
  await once(client, 'open');
  assert.equal(client.protocol, 'fanwire.v1');
});

async function answerTo(port: number, request: string | Buffer): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  let answer = '';
  socket.on('data', (chunk) => {
    answer += chunk;
  });
  socket.on('error', () => {}); // refused while it still writes
  socket.write(request);
  await new Promise((resolve) => socket.once('close', resolve));
  return answer;
}

test('HTTP: a body in pieces, a late answer in bytes, HEAD without a body, headers up to 16 KiB and not without end', async (t) => {
  const app = App().any(utf8('/*'), (res, req) => {
    const [method, header] = [req.getMethod(), req.getHeader(utf8('x-long'))];
    const pieces: Buffer[] = [];
    res.onAborted(() => {});
    const answer = (body: string) =>
      setImmediate(() =>
        res.cork(() => {
          res.writeStatus(utf8('202 Accepted')).writeHeader(utf8('x-name'), utf8('a'));
          if (method === 'head') res.endWithoutBody();
          else res.end(utf8(body), true);
        }),
      );
    if (method === 'get' || method === 'head') return void answer(`${req.getUrl()} ${req.getQuery()} ${header.length}`);
    res.onData((chunk, isLast) => {
      pieces.push(Buffer.from(Buffer.from(chunk)));
      if (isLast) answer(`räume ${Buffer.concat(pieces)}`);
    });
  });
  const port = await listening(t, app);
  const close = 'Host: x\r\nConnection: close\r\n';
  const posted = await answerTo(port, `POST /p HTTP/1.1\r\n${close}Content-Length: 7\r\n\r\ngrüße`);
  assert.match(posted, /^HTTP\/1\.1 202 Accepted\r\n/);
  assert.match(posted, /\r\nx-name: a\r\n/i);
  assert.match(posted, /\r\n\r\nräume grüße$/);
  assert.match(
    await answerTo(port, `GET /a%20b?q=1 HTTP/1.1\r\n${close}X-Long: ${'y'.repeat(10_000)}\r\n\r\n`),
    /\/a%20b q=1 10000$/,
  );
  assert.doesNotMatch(
    await answerTo(port, `GET /a HTTP/1.1\r\n${close}X-Long: ${'y'.repeat(600_000)}\r\n\r\n`),
    /^HTTP\/1\.1 2/,
  );
  const head = connect(port, '127.0.0.1');
  t.after(() => head.destroy());
  head.write(`HEAD /a HTTP/1.1\r\nHost: x\r\n\r\n`);
  assert.match(String(await once(head, 'data')), /^HTTP\/1\.1 202 Accepted\r\n[\s\S]*\r\n\r\n$/);
});

test('an address that another has is not shared in silence', async (t) => {
  const port = await serving(t, {});
  const other = App();
  t.after(() => other.close());
  const answer = await new Promise((resolve) => listenExclusively(other, '127.0.0.1', port, resolve));
  if (answer !== false) us_listen_socket_close(answer as never);
  assert.equal(answer, false);
});
