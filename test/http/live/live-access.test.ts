// Who sees the live page's figures, and what the page's policy keeps out.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { noChromium, sharedChromium } from '../../support/chromium.js';
import { serve } from '../../support/fanwire-process.js';
import { figure, liveUrl, open } from '../../support/opened-page.js';

const skip = noChromium;
const timeout = 90_000;
const TOKEN = 'open "sesame" <b>';

const chromium = sharedChromium();

test('the token is asked for, refused when wrong, kept in the tab, and taken out of the address', {
  skip,
  timeout,
}, async (t) => {
  const relay = await serve(t, [], { FANWIRE_ADMIN_TOKEN: TOKEN });
  const url = await liveUrl(relay);
  const bare = await (await fetch(url)).text();
  assert.ok(!bare.includes(relay.url('').slice(5, -1)), 'the page itself says nothing of the relay');
  const { page, problems } = await open(chromium(), t, url);
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

  const linked = await open(chromium(), t, `${url}?token=${encodeURIComponent(TOKEN)}`);
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
  const { page, problems } = await open(chromium(), t, url);
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
  while (problems.length < 3) await page.waitForTimeout(20); // the console's lines come when they come
  assert.ok(
    problems.length >= 3 && problems.every((problem) => /Content Security Policy|request:/.test(problem)),
    problems.join('\n'),
  );
});
