// Floods of frames that uWS tells nobody of: who sends them is closed, and nobody else, also of those at the same
// address that are quiet.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { test } from 'node:test';
import { WebSocket } from 'ws';
import { serve } from '../../support/fanwire-process.js';
import { SocketClient } from '../../support/socket-client.js';
import { frame, upgraded } from '../../support/wire.js';

const ONLY_LINUX = { skip: process.platform !== 'linux' };
const EMPTY = Buffer.concat(Array.from({ length: 10_000 }, () => frame({ opcode: 0, fin: false })));

/** Sends empty fragments as fast as the socket takes them, until it is closed. */
async function flood(socket: Socket): Promise<void> {
  socket.resume();
  socket.write(frame({ opcode: 1, fin: false }));
  // Not all at once: the quiet ones of this process answer pings in between.
  const go = (): void => {
    if (socket.writable) socket.write(EMPTY, () => setImmediate(go));
  };
  go();
  await once(socket, 'close');
}

for (const workers of ['1', '2']) {
  test(`a flood of empty fragments closes its socket and no other, ${workers} worker(s)`, ONLY_LINUX, async (t) => {
    const relay = await serve(t, ['--workers', workers]);
    // Loopback is one address: quiet ones, one that publishes, and the flood are told apart by what they do.
    const quiet = await Promise.all(Array.from({ length: 20 }, () => SocketClient.open(t, relay.url('quiet'))));
    const publisher = await SocketClient.open(t, relay.url('busy'));
    const publishing = setInterval(() => publisher.socket.send('x'), 20);
    t.after(() => clearInterval(publishing));
    const socket = await upgraded(t, relay.port, '/flood');
    await flood(socket);
    const stats = (await (await fetch(`http://127.0.0.1:${relay.adminPort}/stats`)).json()) as {
      total: { cut: { ops: number }; connections: number };
    };
    assert.equal(stats.total.cut.ops, 1);
    assert.match(relay.stdout() + relay.stderr(), /a flood of empty frames/);
    for (const { socket: each } of [...quiet, publisher]) assert.equal(each.readyState, WebSocket.OPEN);
    await Promise.all(quiet.map((client) => client.handled()));
  });
}

test(
  'a client that publishes as fast as it can, beside quiet ones of its address, is not taken for a flood',
  ONLY_LINUX,
  async (t) => {
    const relay = await serve(t, ['--max-payload', '1m']);
    const quiet = await Promise.all(Array.from({ length: 10 }, () => SocketClient.open(t, relay.url('quiet'))));
    const publisher = await upgraded(t, relay.port, '/busy');
    const message = Buffer.concat(
      Array.from({ length: 4 }, () => frame({ opcode: 2, payload: Buffer.alloc(200_000) })),
    );
    const go = (): void => {
      while (publisher.write(message));
    };
    publisher.on('drain', go);
    go();
    const total = async () => {
      const stats = await (await fetch(`http://127.0.0.1:${relay.adminPort}/stats`)).json();
      return (stats as { total: { published: number; cut: { ops: number } } }).total;
    };
    // Some ten looks' worth.
    while ((await total()).published < 5000) await new Promise((resolve) => setTimeout(resolve, 20));
    publisher.destroy();
    assert.equal((await total()).cut.ops, 0);
    for (const { socket } of quiet) assert.equal(socket.readyState, WebSocket.OPEN);
  },
);

test(
  'one quiet socket beside HTTP requests from its address, as fast as they can be sent, is not taken for a flood',
  ONLY_LINUX,
  async (t) => {
    const relay = await serve(t);
    const quiet = await SocketClient.open(t, relay.url('quiet'));
    const requests = Buffer.from('GET /nowhere HTTP/1.1\r\nHost: localhost\r\n\r\n'.repeat(200));
    const answerBytes = 200 * 393;
    let turns = 0;
    const clients = Array.from({ length: 4 }, () => connect(relay.port, '127.0.0.1'));
    t.after(() => clients.map((client) => client.destroy()));
    await new Promise<void>((resolve) => {
      for (const client of clients) {
        let bytes = 0;
        client.write(requests);
        client.on('data', ({ length }) => {
          bytes += length;
          if (bytes < answerBytes) return;
          bytes -= answerBytes;
          client.write(requests);
          if (++turns === 200) resolve(); // some eight looks' worth
        });
      }
    });
    assert.equal(quiet.socket.readyState, WebSocket.OPEN);
    await quiet.handled();
  },
);
