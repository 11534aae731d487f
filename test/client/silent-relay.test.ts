// A relay that takes publishes and answers none: what the client keeps of them has a bound.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { WebSocket, WebSocketServer } from 'ws';
import { FanwireClient, type FanwireError } from '../../src/client/index.js';

const MEGABYTE = 'x'.repeat(1 << 20);

test('beyond 64 MiB of publishes without an answer the next wait their turn, and an answer makes room', async (t) => {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0, maxPayload: 1 << 22 });
  t.after(() => server.close());
  await once(server, 'listening');
  const taken: number[] = [];
  let answer = (_id: number): void => {};
  server.on('connection', (socket) => {
    t.after(() => socket.terminate());
    answer = (id) => socket.send(JSON.stringify({ op: 'ok', id }));
    socket.send(JSON.stringify({ op: 'hello', limits: { maxPayload: 1 << 22 } }));
    socket.on('message', (frame) => {
      const { op, id } = JSON.parse(frame.toString()) as { op: string; id: number };
      if (op === 'pub') taken.push(id);
      else socket.send('{"op":"pong"}');
    });
  });
  const { port } = server.address() as AddressInfo;
  const client = new FanwireClient(`ws://127.0.0.1:${port}`, { WebSocket });
  t.after(() => client.close());
  await new Promise((resolve) => client.on('state', resolve));
  const outcomes = Array.from({ length: 80 }, () =>
    client.publish('t', MEGABYTE).then(
      () => 'ok',
      (error: FanwireError) => error.code,
    ),
  );
  const until = async (holds: () => boolean): Promise<void> => {
    while (!holds()) await new Promise((resolve) => setTimeout(resolve, 5));
  };
  await until(() => taken.length === 64);
  assert.equal(client.queued, 16);
  answer(taken[0] as number);
  await until(() => taken.length === 65);
  assert.equal(client.queued, 15);
  for (let next = 1; next < 80; next++) {
    await until(() => taken.length > next);
    answer(taken[next] as number);
  }
  assert.deepEqual(new Set(await Promise.all(outcomes)), new Set(['ok']));
});
