// SIGHUP on a real relay process: tokens are read again, sockets of removed ones close, and the relay goes on.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { WebSocket } from 'ws';
import { FanwireClient } from '../../../src/client/index.js';
import { serve } from '../../support/fanwire-process.js';
import { SocketClient } from '../../support/socket-client.js';

const bearer = (token: string) => ({ headers: { authorization: `Bearer ${token}` } });

test('SIGHUP takes a changed tokens file, keeps the old tokens when it is broken, and no token is ever logged', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'fanwire-sighup-'));
  t.after(() => rmSync(dir, { recursive: true }));
  const file = join(dir, 'tokens.json');
  const [alice, bob] = ['alice-0123456789abcdef', 'bob-0123456789abcdef'];
  const write = (...tokens: string[]) =>
    writeFileSync(file, JSON.stringify({ tokens: tokens.map((token) => ({ token, sub: ['*'] })) }));
  write(alice, bob);
  const relay = await serve(t, ['--auth', 'static', '--tokens-file', file]);
  const kept = await SocketClient.open(t, relay.url('room'), bearer(alice));
  const removed = await SocketClient.open(t, relay.url('room'), bearer(bob));

  writeFileSync(file, `{"tokens":[{"token":"${alice}"`);
  relay.child.kill('SIGHUP');
  await relay.seen(/static tokens not read again; keeping the old ones/);
  await removed.handled();

  write(alice);
  relay.child.kill('SIGHUP');
  assert.equal((await removed.closed).code, 4401);
  await kept.handled();
  await assert.rejects(SocketClient.open(t, relay.url('room'), bearer(bob)), /401/);
  relay.child.kill('SIGTERM');
  assert.equal((await kept.closed).code, 1012);
  assert.deepEqual(await relay.exited, { code: 0, signal: null });
  for (const token of [alice, bob]) assert.ok(!(relay.stdout() + relay.stderr()).includes(token));
});

test('a token whose permissions change sends its clients back for them, and ends none for good', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'fanwire-sighup-'));
  t.after(() => rmSync(dir, { recursive: true }));
  const file = join(dir, 'tokens.json');
  const token = 'alice-0123456789abcdef';
  const write = (...sub: string[]) => writeFileSync(file, JSON.stringify({ tokens: [{ token, sub }] }));
  write('room');
  const relay = await serve(t, ['--auth', 'static', '--tokens-file', file]);
  const raw = await SocketClient.open(t, relay.url('room'), bearer(token));
  const client = new FanwireClient(`ws://127.0.0.1:${relay.port}`, { WebSocket, token, backoffBaseMs: 5 });
  t.after(() => client.close());
  const room = client.subscribe('room');
  await room.ready;
  const again = new Promise((live) => room.on('live', live));
  write('room', 'hall');
  relay.child.kill('SIGHUP');
  assert.equal((await raw.closed).code, 1012);
  await again;
  await client.subscribe('hall').ready;
});

test('a relay with tokens from a JWT issuer ends after SIGTERM as soon as its clients have gone', async (t) => {
  const relay = await serve(t, ['--auth', 'jwt'], { FANWIRE_JWT_SECRET: 's'.repeat(32) });
  relay.child.kill('SIGTERM');
  assert.deepEqual(await relay.exited, { code: 0, signal: null });
  assert.ok(!relay.stdout().includes('did not close their side in time'));
  assert.ok(!relay.stdout().includes('s'.repeat(32)));
});
