// A page that a person leaves and comes back to: Chromium keeps it frozen in its back/forward cache and closes its
// socket.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { launchChromium, noChromium } from '../support/chromium.js';
import { serve } from '../support/fanwire-process.js';
import { liveUrl } from '../support/opened-page.js';

const VISITS = 5;

test('a page that is left and come back to, over and over, is live again at once, and misses and repeats nothing', {
  skip: noChromium,
}, async (t) => {
  const relay = await serve(t, ['--history', 'news=100,1h,1m']);
  const clientModule = new URL('/client.js', await liveUrl(relay)).href;
  const pages = createServer(({ url }, response) => {
    response.writeHead(200, { 'Content-Type': 'text/html' });
    response.end(
      url === '/' ? pageWithClient(clientModule, `ws://127.0.0.1:${relay.port}`) : '<title>elsewhere</title>',
    );
  });
  await new Promise<void>((listening) => pages.listen(0, '127.0.0.1', listening));
  const browser = await launchChromium({ ignoreDefaultArgs: ['--disable-back-forward-cache'] });
  t.after(async () => {
    await browser.close();
    pages.close();
  });
  const page = await browser.newPage();
  const address = `http://127.0.0.1:${(pages.address() as AddressInfo).port}/`;
  await page.goto(address);
  await page.waitForFunction('window.isLive');
  const published: number[] = [];
  const publish = async (): Promise<void> => {
    published.push(published.length);
    await fetch(`http://127.0.0.1:${relay.port}/publish/news`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: String(published.length - 1),
    });
  };
  for (let visit = 0; visit < VISITS; visit++) {
    await publish();
    await page.waitForFunction(`window.heard.length === ${published.length}`);
    await page.goto(`${address}elsewhere`);
    await publish(); // missed meanwhile
    await page.goBack({ waitUntil: 'commit' });
    await publish();
    await page.waitForFunction(`window.heard?.length === ${published.length}`);
  }
  const { comebacks, heard, waits } = (await page.evaluate('({ comebacks, heard, waits })')) as Record<
    string,
    number[]
  >;
  assert.equal(comebacks, VISITS, 'the page itself comes back, and is not loaded anew');
  assert.deepEqual(heard, published);
  assert.equal(waits?.length, VISITS);
  for (const waitMs of waits) assert.ok(waitMs <= 500, `waits ${waits.join(', ')} ms`);
});

/** It counts how often it came back from the cache, and keeps how long its client said that it waits. */
function pageWithClient(clientModule: string, relay: string): string {
  return `<!doctype html><script type="module">
    import { FanwireClient } from '${clientModule}';
    Math.random = () => 0.999; // each wait is the longest there can be
    Object.assign(window, { comebacks: 0, heard: [], waits: [], isLive: false });
    addEventListener('pageshow', ({ persisted }) => { comebacks += Number(persisted); });
    const client = new FanwireClient('${relay}');
    client.on('state', (state) => { if (state === 'waiting') waits.push(client.retryInMs); });
    const news = client.subscribe('news', ({ data }) => heard.push(Number(data)), { rewind: 0 });
    news.on('live', () => { isLive = true; });
    news.on('gap', ({ reason }) => heard.push(reason));
  </script>`;
}
