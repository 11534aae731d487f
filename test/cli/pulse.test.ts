// A command's socket whose other end has gone without a word.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import test, { type TestContext } from 'node:test';
import { WebSocket, WebSocketServer } from 'ws';
import { silenceOf, watchPulse } from '../../src/cli/pulse.js';

const EVERY_MS = 20;

async function pair(t: TestContext, autoPong: boolean): Promise<{ client: WebSocket; peer: WebSocket }> {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1', autoPong });
  t.after(() => server.close());
  await once(server, 'listening');
  const client = new WebSocket(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`);
  t.after(() => client.terminate());
  const [[peer]] = await Promise.all([once(server, 'connection'), once(client, 'open')]);
  return { client, peer };
}

test('an end that answers no ping is given up, and why is known', async (t) => {
  const { client, peer } = await pair(t, false);
  watchPulse(client, EVERY_MS);
  const [code] = await once(client, 'close');
  assert.equal(code, 1006);
  assert.match(silenceOf(client) ?? '', /nothing was heard of it for 0\.02 s/);
  peer.terminate();
});

test('one that answers, or sends anything else, is kept, and so is one that its own reader holds up', async (t) => {
  const answering = await pair(t, true);
  watchPulse(answering.client, EVERY_MS);
  for (let pings = 0; pings < 5; pings++) await once(answering.peer, 'ping');

  const talking = await pair(t, false);
  talking.peer.on('ping', () => talking.peer.send('x'));
  watchPulse(talking.client, EVERY_MS);
  for (let pings = 0; pings < 5; pings++) await once(talking.peer, 'ping');

  const held = await pair(t, false);
  held.client.pause();
  watchPulse(held.client, EVERY_MS);
  // Meanwhile the held one's pulses went by as well.
  for (let pings = 0; pings < 5; pings++) await once(talking.peer, 'ping');
  for (const { client } of [answering, talking, held]) {
    assert.equal(client.readyState, WebSocket.OPEN);
    assert.equal(silenceOf(client), undefined);
  }
});
