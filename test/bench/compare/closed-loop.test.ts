// Servers that do not take what the closed loop asks of them: each is named, at once, and nobody waits for ever.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import test, { type TestContext } from 'node:test';
import { WebSocketServer } from 'ws';
import { ClosedLoopFault, capacityAlone, capacityInTurns } from '../../../bench/compare/capacity.js';
import { ByteSockets } from '../../../bench/load/byte-sockets.js';
import type { Target } from '../../../bench/targets/target.js';

async function targetOf(t: TestContext, server: Server, path = ''): Promise<Target> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  const urls = [`ws://127.0.0.1:${port}${path}?token=secret`];
  return { name: 'x', version: '', cmd: 'x', urls, dialect: 'raw', pids: [process.pid], stop: async () => {} };
}

/** Relays what `isAllowed` lets in, and answers 403 else. */
function relay(t: TestContext, isAllowed: (url: string, authorization: string) => boolean): Server {
  const server = createServer();
  const sockets = new WebSocketServer({ noServer: true });
  const topics = new Map<string, Set<import('ws').WebSocket>>();
  server.on('upgrade', (request, socket, head) => {
    const { url = '', headers } = request;
    if (!isAllowed(url, headers.authorization ?? '')) {
      socket.end('HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
      return;
    }
    sockets.handleUpgrade(request, socket, head, (own) => {
      const peers = topics.get(url) ?? new Set();
      topics.set(url, peers.add(own));
      own.on('message', (message, binary) => {
        for (const peer of peers) if (peer !== own) peer.send(message, { binary });
      });
      own.on('close', () => peers.delete(own));
      own.on('error', () => {});
    });
  });
  t.after(() => sockets.close());
  return server;
}

const OPTIONS = { subscribers: 3, capacityMs: 40, countsInstructions: false };

test('a server that refuses the closed loop’s topic is named with what it said, not the one beside it', async (t) => {
  const holds = await targetOf(
    t,
    relay(t, () => true),
  );
  const refuses = await targetOf(
    t,
    relay(t, (url) => !url.includes('capacity')),
  );
  await assert.rejects(capacityInTurns([holds, refuses], OPTIONS), (error: Error) => {
    assert.ok(error instanceof ClosedLoopFault && error.target === refuses);
    assert.match(error.message, /no closed loop on ws:\/\/127.0.0.1:\d+\/capacity-1: HTTP 403 .*--capacity 0/);
    return true;
  });
});

test('its path and its headers are those of the target and of the command line', async (t) => {
  const isAllowed = (url: string, authorization: string): boolean =>
    /^\/ws\/capacity-0\?token=secret$/.test(url) && authorization === 'Bearer x';
  const target = await targetOf(t, relay(t, isAllowed), '/ws');
  const capacity = await capacityAlone(target, { ...OPTIONS, headers: { Authorization: 'Bearer x' } });
  assert.ok((capacity?.deliveries ?? 0) > 0);
  await assert.rejects(capacityAlone(target, OPTIONS), /HTTP 403/);
});

test('a server that closes, talks nonsense or says nothing at all refuses too', { timeout: 60_000 }, async (t) => {
  const answers: readonly (readonly [string | undefined, RegExp])[] = [
    ['', /closed before its handshake was over/],
    ['220 mail.example ESMTP\r\n\r\n', /no HTTP/],
    ['x'.repeat(20_000), /no end of HTTP headers/],
    [undefined, /no handshake within 10 s/],
  ];
  for (const [answer, why] of answers) {
    const server = createTcpServer((socket) => {
      socket.on('error', () => {});
      if (answer !== undefined) socket.end(answer);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    t.after(() => server.close());
    const sockets = new ByteSockets();
    await assert.rejects(sockets.open(`ws://127.0.0.1:${(server.address() as AddressInfo).port}/x`, 3), why);
    assert.deepEqual(sockets.sockets, []);
  }
});
