// The chat and the client library of the admin listener, as a person meets them first: nothing but a browser and an
// address.
import assert from 'node:assert/strict';
import type { Page } from 'playwright-core';
import { launchChromium } from '../../support/chromium.js';
import { serve } from '../../support/fanwire-process.js';
import { testNeeding } from '../../support/needs.js';

const test = testNeeding('chromium');

test('two pages of /chat talk over this relay, without a token, and the policy of the page lets nothing else run', async (t) => {
  const relay = await serve(t, ['--admin-token', 'secret', '--history', 'chat=10,1m,64k', '--presence', 'chat']);
  const origin = `http://127.0.0.1:${relay.adminPort}`;
  const script = await fetch(`${origin}/client.js`);
  assert.equal(script.headers.get('content-type'), 'text/javascript; charset=utf-8');
  assert.equal(script.headers.get('access-control-allow-origin'), '*');
  assert.match(await script.text(), /FanwireClient/);
  const browser = await launchChromium();
  t.after(() => browser.close());
  const open = async (): Promise<Page> => {
    const page = await browser.newPage();
    page.on('pageerror', (error) => assert.fail(error));
    page.on('console', (line) => assert.ok(!line.text().includes('Content Security Policy'), line.text()));
    await page.goto(`${origin}/chat`);
    await page.getByText('open', { exact: true }).waitFor();
    return page;
  };
  const [ann, bob] = [await open(), await open()];
  await ann.getByText('2 here').waitFor();
  await ann.fill('#name', 'ann');
  await ann.fill('#text', 'hello');
  await ann.click('button');
  await bob.getByText('ann: hello').waitFor();
  const late = await open();
  await late.getByText('ann: hello').waitFor();
  assert.equal((await fetch(`${origin}/stats`)).status, 401);
});
