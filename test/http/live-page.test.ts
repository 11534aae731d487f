// The live page in a real Chromium, before a real relay process under load: it moves, sends, receives, closes, asks for its token
// and lets nothing hostile run.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, type TestContext, test } from 'node:test';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { inkedPixels, launchChromium, noChromium, PHONE } from '../chromium.js';
import { type ServeProcess, serve } from '../fanwire-process.js';
import { freePort } from '../free-port.js';
import { SocketClient } from '../relay/socket-client.js';

const skip = noChromium;
const timeout = 90_000;
const HOSTILE = '<img src=x onerror=alert(1)>"\'&\u202Egnp.exe';
const TOKEN = 'open "sesame" <b>';

let browser: Browser;
before(async () => {
  if (!skip) browser = await launchChromium();
});
after(() => browser?.close());

async function liveUrl(relay: ServeProcess): Promise<string> {
  return (await relay.seen(/"msg":"live page: (http:\/\/[^"]+)"/))[1] as string;
}

interface Opened {
  readonly page: Page;
  /** Errors of scripts, of the console and dialogues so far. */
  readonly problems: string[];
}

async function open(t: TestContext, url: string, options: BrowserContextOptions = {}): Promise<Opened> {
  const context = await browser.newContext(options);
  t.after(() => context.close());
  const page = await context.newPage();
  const problems: string[] = [];
  page.on('pageerror', (error) => problems.push(error.message));
  page.on('console', (message) => message.type() === 'error' && problems.push(message.text()));
  page.on('dialog', (dialog) => {
    problems.push(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  const own = new URL(url).origin;
  page.on('request', (request) => {
    if (!request.url().startsWith(own) && !request.url().startsWith('data:'))
      problems.push(`request: ${request.url()}`);
  });
  await page.goto(url);
  return { page, problems };
}

/** Ten subscribers of `topic`, one of which publishes until the test ends. */
async function load(t: TestContext, relay: ServeProcess, topic: string): Promise<SocketClient[]> {
  const clients = await Promise.all(Array.from({ length: 10 }, () => SocketClient.open(t, relay.url(topic))));
  const publishing = setInterval(() => clients[0]?.socket.send('tick'), 10);
  t.after(() => clearInterval(publishing));
  return clients;
}

/** The number beside a figure's title, once it matches. */
function figure(page: Page, title: string, pattern: RegExp): Promise<void> {
  return page.locator('figure', { hasText: title }).locator('output', { hasText: pattern }).first().waitFor();
}

async function joinTopic(page: Page, pane: 'a' | 'b', topic: string, mode: 'raw' | 'fanwire.v1'): Promise<void> {
  const root = page.locator(`#pane-${pane}`);
  await root.locator('[name=topic]').fill(topic);
  await root.locator('[name=mode]').selectOption(mode);
  await root.locator('[name=join]').click();
  await root.locator('.link.good').waitFor();
}

async function send(page: Page, pane: 'a' | 'b', text: string, kind = 'text'): Promise<void> {
  const root = page.locator(`#pane-${pane}`);
  await root.locator('[name=kind]').selectOption(kind);
  await root.locator('[name=text]').fill(text);
  await root.locator('[name=send]').click();
}

function received(page: Page, pane: 'a' | 'b', text: string): Promise<void> {
  return page.locator(`#pane-${pane} li.in`, { hasText: text }).first().waitFor();
}

test('figures move under load, hostile topics stay text, and a topic goes into the playground', {
  skip,
  timeout,
}, async (t) => {
  const relay = await serve(t);
  await load(t, relay, 'news');
  await load(t, relay, HOSTILE);
  const { page, problems } = await open(t, await liveUrl(relay));
  await page.locator('.state.good h2', { hasText: 'Ready' }).waitFor();
  await figure(page, 'Connections', /^20$/);
  await figure(page, 'Published', /^[1-9]\d*(\.\d+)?\/s$/);
  await figure(page, 'Delivered', /^[1-9]/);
  await figure(page, 'Flush latency', /^\d.* · \d.* ms$/);
  await figure(page, 'Memory', /MB$/);
  for (const pixels of await inkedPixels(page)) assert.ok(pixels > 300, `a chart has ${pixels} pixels`);

  await page.locator('#topics').scrollIntoViewIfNeeded();
  const hostile = page.locator('#topic-rows button', { hasText: '<img src=x onerror=alert(1)>' });
  await hostile.waitFor();
  assert.equal(await hostile.textContent(), HOSTILE.replace('\u202E', '\\u202e'));
  assert.equal(await page.locator('main img, main b.evil').count(), 0);
  await hostile.click();
  assert.equal(await page.locator('#pane-a [name=topic]').inputValue(), HOSTILE);
  await page.locator('#pane-a [name=join]').click();
  await received(page, 'a', 'tick');
  await page.locator('#connections').scrollIntoViewIfNeeded();
  await page.locator('#connection-rows td.topics', { hasText: 'news' }).first().waitFor();
  assert.deepEqual(problems, []);
});

test('the playground sends and receives both ways, raw and enveloped, text, JSON and hex, and shows the round trip', {
  skip,
  timeout,
}, async (t) => {
  const relay = await serve(t);
  const outside = await SocketClient.open(t, relay.url('room'));
  const { page, problems } = await open(t, await liveUrl(relay));
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

test('a connection is found, and closed after one has said yes', { skip, timeout }, async (t) => {
  const relay = await serve(t);
  const [victim, ...others] = await Promise.all(
    ['prey', 'a', 'b', 'c'].map((topic) => SocketClient.open(t, relay.url(topic))),
  );
  const { page, problems } = await open(t, await liveUrl(relay));
  await page.locator('#connections').scrollIntoViewIfNeeded();
  await page.locator('#connection-rows tr').nth(3).waitFor();
  await page.locator('#filter [name=value]').fill('prey');
  await page.locator('#filter [name=value]').press('Enter');
  await page.locator('#connection-rows tr').nth(1).waitFor({ state: 'detached' });
  const close = page.locator('#connection-rows button');
  await close.click();
  await page.locator('#confirm-no').click();
  await close.click();
  await page.keyboard.press('Escape');
  assert.equal(victim?.socket.readyState, 1);
  await close.click();
  await page.locator('#confirm-yes').click();
  assert.equal((await victim?.closed)?.code, 1008);
  await page.locator('#connections-empty', { hasText: 'No connection matches.' }).waitFor();
  await page.locator('#refusal-rows td', { hasText: 'closed by an administrator' }).waitFor();
  assert.ok(others.every(({ socket }) => socket.readyState === socket.OPEN));
  assert.deepEqual(problems, []);
});

test('the token is asked for, refused when wrong, kept in the tab, and taken out of the address', {
  skip,
  timeout,
}, async (t) => {
  const relay = await serve(t, [], { FANWIRE_ADMIN_TOKEN: TOKEN });
  const url = await liveUrl(relay);
  const bare = await (await fetch(url)).text();
  assert.ok(!bare.includes(relay.url('').slice(5, -1)), 'the page itself says nothing of the relay');
  const { page, problems } = await open(t, url);
  const wanted = 'Failed to load resource: the server responded with a status of 401 (Unauthorized)';
  await page.locator('#admin-token').fill('wrong');
  await page.keyboard.press('Enter');
  await page.locator('#state-note', { hasText: "is not this relay's" }).waitFor();
  await page.locator('#admin-token').fill(TOKEN);
  await page.keyboard.press('Enter');
  await figure(page, 'Connections', /^0$/);
  await page.reload();
  await figure(page, 'Connections', /^0$/);
  assert.ok(problems.length <= 3 && problems.every((problem) => problem === wanted), problems.join('\n'));

  const linked = await open(t, `${url}?token=${encodeURIComponent(TOKEN)}`);
  await figure(linked.page, 'Connections', /^0$/);
  assert.equal(linked.page.url(), url);
  assert.deepEqual(linked.problems, []);
});

test('its policy runs no script and applies no style that came in from elsewhere, and nothing may frame it', {
  skip,
  timeout,
}, async (t) => {
  const relay = await serve(t);
  const url = await liveUrl(relay);
  const { headers } = await fetch(url);
  const policy = headers.get('content-security-policy') ?? '';
  assert.match(policy, /default-src 'none'.*frame-ancestors 'none'/);
  assert.ok(!policy.includes('unsafe') && policy.endsWith(`connect-src 'self' ws://127.0.0.1:${relay.port}`), policy);
  assert.deepEqual(
    ['x-content-type-options', 'referrer-policy', 'cache-control'].map((name) => headers.get(name)),
    ['nosniff', 'no-referrer', 'no-store'],
  );
  const { page, problems } = await open(t, url);
  await figure(page, 'Connections', /^0$/);
  assert.deepEqual(problems, []);
  await page.evaluate(`
    const script = document.createElement('script');
    script.textContent = 'globalThis.broken = true';
    document.body.append(script);
    document.body.insertAdjacentHTML('beforeend', '<img src=x onerror="globalThis.broken = true"><p id=styled style="color: red">x</p>');
  `);
  const refused = await page.evaluate(`fetch('http://127.0.0.1:9/').then(() => false, () => true)`);
  assert.deepEqual([refused, await page.evaluate('globalThis.broken')], [true, undefined]);
  assert.notEqual(await page.evaluate('getComputedStyle(document.getElementById("styled")).color'), 'rgb(255, 0, 0)');
  assert.ok(
    problems.length >= 3 && problems.every((problem) => /Content Security Policy|request:/.test(problem)),
    problems.join('\n'),
  );
});

test('a relay that stops is draining, then has not answered since, and is back when it is back', {
  skip,
  timeout,
}, async (t) => {
  const port = String(await freePort());
  const relay = await serve(t, ['--drain-ms', '3000', '--admin-port', port]);
  const clients = await load(t, relay, 'news');
  const { page } = await open(t, await liveUrl(relay));
  await figure(page, 'Connections', /^10$/);
  relay.child.kill('SIGTERM');
  await page.locator('.state h2', { hasText: 'Draining' }).waitFor();
  await page.locator('.state.failed h2', { hasText: /has not answered since \d\d:\d\d:\d\d/ }).waitFor();
  await Promise.all(clients.map(({ closed }) => closed));
  await relay.exited;
  await serve(t, ['--admin-port', port]);
  await page.locator('.state.good h2', { hasText: 'Ready' }).waitFor();
  await figure(page, 'Connections', /^0$/);
});

test('each worker has its row and its lines, and a refused client of the playground is told why', {
  skip,
  timeout,
}, async (t) => {
  const relay = await serve(t, ['--workers', '2', '--origins', 'https://app.example.com']);
  await load(t, relay, 'news');
  const { page, problems } = await open(t, await liveUrl(relay));
  await page.locator('#worker-rows tr').nth(1).waitFor();
  await page.locator('#worker-charts canvas').nth(1).waitFor();
  const rows = page.locator('#worker-rows tr td:nth-child(2)');
  const connections = async () => (await rows.allTextContents()).reduce((sum, count) => sum + Number(count), 0);
  while ((await connections()) !== 10); // the test's timeout ends it
  await page.locator('#playground-note', { hasText: 'https://app.example.com' }).waitFor();
  await page.locator('#pane-a [name=join]').click();
  await page.locator('#pane-a .link', { hasText: 'The relay meanwhile refused: FANWIRE_ORIGIN_FORBIDDEN.' }).waitFor();
  assert.ok(
    problems.every((problem) => problem.startsWith('WebSocket connection to')),
    problems.join('\n'),
  );
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
  const { page, problems } = await open(t, await liveUrl(relay));
  await page.locator('#playground-note', { hasText: '--auth static' }).waitFor();
  await page.locator('#pane-a [name=token]').fill(tokens[0]?.token ?? '');
  await page.locator('#pane-b [name=token]').fill(tokens[1]?.token ?? '');
  await joinTopic(page, 'a', 'room', 'fanwire.v1');
  await joinTopic(page, 'b', 'room', 'raw');
  await send(page, 'a', 'from alice');
  await received(page, 'b', 'from alice');
  assert.deepEqual(problems, []);
});

for (const colorScheme of ['light', 'dark'] as const) {
  test(`on a phone of 360 px the page is no wider than it, and everything is reached by keyboard (${colorScheme})`, {
    skip,
    timeout,
  }, async (t) => {
    const relay = await serve(t, ['--workers', '2']);
    await load(t, relay, 'a-topic-with-a-name-that-is-far-too-long-for-a-phone/'.repeat(3));
    const { page, problems } = await open(t, await liveUrl(relay), { ...PHONE, colorScheme });
    await figure(page, 'Connections', /^10$/);
    await page.locator('#topics').scrollIntoViewIfNeeded();
    await page.locator('#topic-rows tr').first().waitFor();
    await page.locator('#connections').scrollIntoViewIfNeeded();
    await page.locator('#connection-rows tr').first().waitFor();
    assert.equal(await page.evaluate('document.documentElement.scrollWidth'), 360);
    const reached = new Set<string>();
    for (let i = 0; i < 60; i++) {
      await page.keyboard.press('Tab');
      reached.add(await page.evaluate('document.activeElement?.closest("[id]")?.id ?? ""'));
    }
    for (const id of ['window', 'topic-order', 'topic-rows', 'filter', 'connection-rows', 'pane-a', 'pane-b']) {
      assert.ok(reached.has(id), `${id} is not reached by Tab`);
    }
    assert.deepEqual(problems, []);
  });
}
