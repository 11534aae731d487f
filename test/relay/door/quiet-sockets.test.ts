// Sockets that say and hear nothing: balancers cut them after 30 to 100 s, so the relay pings them before.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import test from 'node:test';
import { WebSocket } from 'ws';
import { serve } from '../../support/fanwire-process.js';

/** The shortest timeout that a common balancer comes with is 30 s. */
const FIRST_PING_WITHIN_MS = 25_000;

test('with the defaults a quiet socket, raw or fanwire.v1, is pinged within 25 s and stays', async (t) => {
  const relay = await serve(t, ['--workers', '2']);
  const sockets = [[], [], ['fanwire.v1']].map((protocols) => new WebSocket(relay.url('quiet'), protocols));
  for (const socket of sockets) t.after(() => socket.terminate());
  await Promise.all(sockets.map((socket) => once(socket, 'open')));
  const openedAt = performance.now();
  await Promise.all(sockets.map((socket) => once(socket, 'ping')));
  const waitedMs = performance.now() - openedAt;
  assert.ok(waitedMs < FIRST_PING_WITHIN_MS, `${waitedMs} ms`);
  for (const socket of sockets) assert.equal(socket.readyState, WebSocket.OPEN);
});
