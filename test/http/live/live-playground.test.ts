// The live page's playground: two clients in the page, others outside, with and without tokens.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { noChromium, sharedChromium } from '../../support/chromium.js';
import { serve } from '../../support/fanwire-process.js';
import { joinTopic, liveUrl, open, received, send } from '../../support/opened-page.js';
import { SocketClient } from '../../support/socket-client.js';

const skip = noChromium;
const timeout = 90_000;

const chromium = sharedChromium();

test('the playground sends and receives both ways, raw and enveloped, text, JSON and hex, and shows the round trip', {
  skip,
  timeout,
}, async (t) => {
  const relay = await serve(t);
  const outside = await SocketClient.open(t, relay.url('room'));
  const { page, problems } = await open(chromium(), t, await liveUrl(relay));
  await joinTopic(page, 'a', 'room', 'raw');
  await joinTopic(page, 'b', 'room', 'fanwire.v1');

  await send(page, 'a', '<script>alert(1)</script>');
  await received(page, 'b', '<script>alert(1)</script>');
  await page.locator('#round-trip', { hasText: /^Round trip .* ms/ }).waitFor();
  await send(page, 'a', '00 ff 7f', 'hex');
  await received(page, 'b', '00 ff 7f');
  await send(page, 'b', '{"price": [1, 2]}', 'json');
  await received(page, 'a', '{"price":[1,2]}');
  await send(page, 'b', 'ff 00', 'hex');
  await received(page, 'a', 'ff 00');
  outside.socket.send('from outside');
  await Promise.all([received(page, 'a', 'from outside'), received(page, 'b', 'from outside')]);
  await outside.count(4);
  assert.deepEqual(
    outside.received.map(({ payload, isBinary }) => (isBinary ? payload.toString('hex') : payload.toString())),
    ['<script>alert(1)</script>', '00ff7f', '{"price":[1,2]}', 'ff00'],
  );
  await send(page, 'b', 'no json', 'json');
  await page.locator('#pane-b li.note', { hasText: 'This is no JSON' }).waitFor();
  const counts = (pane: string) => page.locator(`#pane-${pane} .counts`).textContent();
  assert.match((await counts('a')) ?? '', /^sent2received3/);
  assert.match((await counts('b')) ?? '', /^sent2received3/);

  await page.locator('#pane-a [name=join]').click();
  await page.locator('#pane-a .link', { hasText: 'Not joined.' }).waitFor();
  assert.deepEqual(problems, []);
});

test('a client that needs a token brings it, also one that is no subprotocol', { skip, timeout }, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'fanwire-live-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const tokens = [
    { token: 'plain-token-0123456789', user: 'alice', sub: ['*'], pub: ['*'] },
    { token: 'no/subprotocol+token/0123456789==', user: 'bob', sub: ['*'], pub: ['*'] },
  ];
  writeFileSync(`${folder}/tokens.json`, JSON.stringify({ tokens }), { mode: 0o600 });
  const relay = await serve(t, ['--auth', 'static', '--tokens-file', `${folder}/tokens.json`]);
  const { page, problems } = await open(chromium(), t, await liveUrl(relay));
  await page.locator('#playground-note', { hasText: '--auth static' }).waitFor();
  await page.locator('#pane-a [name=token]').fill(tokens[0]?.token ?? '');
  await page.locator('#pane-b [name=token]').fill(tokens[1]?.token ?? '');
  await joinTopic(page, 'a', 'room', 'fanwire.v1');
  await joinTopic(page, 'b', 'room', 'raw');
  await send(page, 'a', 'from alice');
  await received(page, 'b', 'from alice');
  assert.deepEqual(problems, []);
});
