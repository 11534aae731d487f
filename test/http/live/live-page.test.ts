// The live page before real relays under load: it moves, finds and closes connections, and says what has become of the
// relay.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { freePort } from '../../../bench/system/free-port.js';
import { inkedPixels, noChromium, PHONE, sharedChromium } from '../../support/chromium.js';
import { serve } from '../../support/fanwire-process.js';
import { NatsServer } from '../../support/nats-server.js';
import { needs } from '../../support/needs.js';
import { figure, liveUrl, load, open, received } from '../../support/opened-page.js';
import { SocketClient } from '../../support/socket-client.js';

const skip = noChromium;
const timeout = 90_000;
const HOSTILE = '<img src=x onerror=alert(1)>"\'&\u202Egnp.exe';

const chromium = sharedChromium();

test('figures move under load, hostile topics stay text, and a topic goes into the playground', {
  skip,
  timeout,
}, async (t) => {
  const relay = await serve(t);
  await load(t, relay, 'news');
  await load(t, relay, HOSTILE);
  const { page, problems } = await open(chromium(), t, await liveUrl(relay));
  await page.locator('.state.good h2', { hasText: 'Ready' }).waitFor();
  await figure(page, 'Connections', /^20$/);
  await figure(page, 'Published', /^[1-9]\d*(\.\d+)?\/s$/);
  await figure(page, 'Delivered', /^[1-9]/);
  await figure(page, 'Flush latency', /^\d.* · \d.* ms$/);
  await figure(page, 'Memory', /MB$/);
  while ((await inkedPixels(page)).some((pixels) => pixels <= 300)); // the test's timeout ends it

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

test('of many topics with long names that begin alike, each is told from the others, and it says how many there are', {
  skip,
  timeout,
}, async (t) => {
  const relay = await serve(t);
  const names = Array.from({ length: 15 }, (_, n) => `${'prices/of-the-eu-west-department/'.repeat(5)}${n}`);
  await Promise.all(names.map((name) => SocketClient.open(t, relay.url(name))));
  const { page, problems } = await open(chromium(), t, await liveUrl(relay), PHONE);
  await page.locator('#topic-count', { hasText: '12 of 15' }).waitFor();
  await page.locator('#topics').scrollIntoViewIfNeeded();
  await page.locator('#topic-rows tr').nth(11).waitFor();
  const shown = await page
    .locator('#topic-rows button')
    .evaluateAll((buttons) =>
      buttons.map(({ innerText, scrollHeight, clientHeight }) => (scrollHeight > clientHeight ? 'cut off' : innerText)),
    );
  assert.equal(new Set(shown).size, 12, shown.join('\n'));
  assert.deepEqual(problems, []);
});

test('a connection is found, and closed after one has said yes', { skip, timeout }, async (t) => {
  const relay = await serve(t);
  const [victim, ...others] = await Promise.all(
    ['prey', 'a', 'b', 'c'].map((topic) => SocketClient.open(t, relay.url(topic))),
  );
  const { page, problems } = await open(chromium(), t, await liveUrl(relay));
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

test('a relay that stops is draining, then has not answered since, and is back when it is back', {
  skip,
  timeout,
}, async (t) => {
  const port = String(await freePort());
  const relay = await serve(t, ['--drain-ms', '8000', '--admin-port', port]);
  const clients = await load(t, relay, 'news');
  const { page } = await open(chromium(), t, await liveUrl(relay));
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
  const { page, problems } = await open(chromium(), t, await liveUrl(relay));
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

test('a node of a cluster says how it stands with the others, and that it is cut off when it is', {
  skip: skip || needs('nats-server').skip,
  timeout,
}, async (t) => {
  const nats = await NatsServer.start(t);
  const relay = await serve(t, ['--cluster', nats.url]);
  await relay.seen(/"msg":"joined the cluster"/);
  const { page, problems } = await open(chromium(), t, await liveUrl(relay));
  await page.locator('#cluster-note.good', { hasText: 'Joined to the other nodes.' }).waitFor();
  await nats.kill();
  await page.locator('#cluster-note.failed', { hasText: 'Cut off from the other nodes' }).waitFor();
  await page.locator('.state.failed h2', { hasText: 'Not ready: NATS is away' }).waitFor();
  assert.deepEqual(problems, []);
});

for (const colorScheme of ['light', 'dark'] as const) {
  test(`on a phone of 360 px the page is no wider than it, and everything is reached by keyboard (${colorScheme})`, {
    skip,
    timeout,
  }, async (t) => {
    const relay = await serve(t, ['--workers', '2']);
    await load(t, relay, 'a-topic-with-a-name-that-is-far-too-long-for-a-phone/'.repeat(3));
    const { page, problems } = await open(chromium(), t, await liveUrl(relay), { ...PHONE, colorScheme });
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
