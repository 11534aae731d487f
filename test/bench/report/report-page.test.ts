// The HTML report in a real Chromium: it draws, asks nothing of the network, fits a phone, and runs nothing hostile.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import type { BrowserContextOptions, Page } from 'playwright-core';
import { renderHtml } from '../../../bench/report/html.js';
import { renderJunit } from '../../../bench/report/junit.js';
import type { Result } from '../../../bench/result/result.js';
import { inkedPixels, noChromium, PHONE, sharedChromium } from '../../support/chromium.js';
import { sampleResult } from '../../support/sample-result.js';

const skip = noChromium;

const chromium = sharedChromium();
const folder = mkdtempSync(join(tmpdir(), 'fanwire-page-'));

after(() => rmSync(folder, { recursive: true }));

/** Opens the report of `results` from a file, fails on any error or request, and hands it to `check`. */
async function open(results: Result[], options: BrowserContextOptions, check: (page: Page) => Promise<void>) {
  const file = join(folder, 'report.html');
  writeFileSync(file, renderHtml(results));
  const context = await chromium().newContext(options);
  try {
    const page = await context.newPage();
    const problems: string[] = [];
    page.on('pageerror', (error) => problems.push(error.message));
    page.on('console', (message) => message.type() === 'error' && problems.push(message.text()));
    page.on('dialog', (dialog) => problems.push(`dialog: ${dialog.message()}`));
    page.on('request', (request) => {
      if (!/^(file|data):/.test(request.url())) problems.push(`request: ${request.url()}`);
    });
    await page.goto(pathToFileURL(file).href);
    await check(page);
    assert.deepEqual(problems, []);
  } finally {
    await context.close();
  }
}

const peers = ['fanwire', 'ws', 'Socket.IO'].map((name, i) =>
  sampleResult(1 + i, { target: { name, version: '1', cmd: name } }),
);
const invalid = { valid: false, invalidReasons: ['the generator used 99 % of its core'] };

test('one run: the verdict comes first, then the figures, and every chart is drawn', { skip }, async () => {
  await open([sampleResult()], {}, async (page) => {
    assert.equal(await page.textContent('.verdict h2'), 'Nothing lost, nothing twice, all in order');
    assert.match((await page.textContent('.figures')) ?? '', /latency p99\s*6\.01 ms/);
    const inked = await inkedPixels(page);
    assert.equal(inked.length, 6);
    for (const pixels of inked) assert.ok(pixels > 500, `a chart has ${pixels} pixels`);
  });
});

test('the page fits a phone, in light and in dark, with one run and with several', { skip }, async () => {
  for (const colorScheme of ['light', 'dark'] as const) {
    for (const results of [[sampleResult()], peers]) {
      await open(results, { ...PHONE, colorScheme }, async (page) => {
        assert.equal(await page.evaluate('document.documentElement.scrollWidth - innerWidth'), 0);
        const background = await page.evaluate('getComputedStyle(document.body).backgroundColor');
        assert.equal(background, colorScheme === 'dark' ? 'rgb(19, 21, 24)' : 'rgb(250, 249, 246)');
      });
    }
  }
});

test('pointing at the percentile curve tells the latency of each run there, and the log switch redraws it', {
  skip,
}, async () => {
  await open(peers, { viewport: { width: 1200, height: 900 } }, async (page) => {
    const plot = page.locator('.chart .u-over').first();
    await plot.hover({ position: { x: 400, y: 60 } });
    const tip = (await page.textContent('.tip:not([hidden])')) ?? '';
    assert.match(tip, /^[\d.]+ %fanwire 1[\d.]+ msws 1[\d.]+ msSocket\.IO 1[\d.]+ ms$/);
    const before = await inkedPixels(page);
    await page.click('button[data-chart="s0-percentiles"]');
    assert.equal(await page.getAttribute('button[data-chart="s0-percentiles"]', 'aria-pressed'), 'true');
    assert.notDeepEqual((await inkedPixels(page))[0], before[0]);
  });
});

test('on a phone the tip of a chart stays within the screen, wherever it is touched', { skip }, async () => {
  await open(peers, PHONE, async (page) => {
    const plot = page.locator('.chart .u-over').first();
    await plot.scrollIntoViewIfNeeded();
    const box = await plot.boundingBox();
    assert.ok(box);
    for (const share of [0.05, 0.4, 0.6, 0.95]) {
      await page.touchscreen.tap(box.x + box.width * share, box.y + box.height / 2);
      await page.locator('.tip').first().waitFor();
      const tip = await page.locator('.tip').first().boundingBox();
      assert.ok(
        tip && tip.x >= 0 && tip.x + tip.width <= PHONE.viewport.width,
        `touched at ${share}: ${JSON.stringify(tip)}`,
      );
    }
  });
});

test('an invalid run shows why in place of its figures, and neither its latency nor its rate is drawn', {
  skip,
}, async () => {
  await open([sampleResult(1, invalid)], {}, async (page) => {
    assert.match((await page.textContent('.verdict')) ?? '', /Invalid run.*the generator used 99 % of its core/s);
    const text = (await page.textContent('body')) ?? '';
    for (const figure of ['6.01 ms', '50.0 k/s', '"ms"']) assert.ok(!text.includes(figure), figure);
    assert.deepEqual(await page.$$eval('.chart', (charts) => charts.map((chart) => chart.id)), [
      's0-cpu',
      's0-rss',
      's0-ramp',
    ]);
  });
});

test('the JUnit report is well-formed XML that gives back the very text it was given', { skip }, async () => {
  const reason = `]]> "quotes" 'single' & <tags> é ${'\u0007'} line\nbreak`;
  const xml = renderJunit([sampleResult(1, { scenario: reason, valid: false, invalidReasons: [reason] })]);
  const page = await chromium().newPage();
  try {
    const read = await page.evaluate(
      `(() => { const doc = new DOMParser().parseFromString(${JSON.stringify(xml)}, 'application/xml');
        return { errors: doc.querySelectorAll('parsererror').length, name: doc.querySelector('testsuite')?.getAttribute('name'),
          text: doc.querySelector('error')?.textContent }; })()`,
    );
    const kept = reason.replace('\u0007', '\ufffd');
    assert.deepEqual(read, { errors: 0, name: kept, text: kept });
  } finally {
    await page.close();
  }
});

test('nothing that a result holds runs, ends an element or adds one', { skip }, async () => {
  const hostile = `</script><script>alert(1)</script><img src=x onerror=alert(2)>" onmouseover="alert(3)" '><!--`;
  const result = sampleResult(1, {
    scenario: hostile,
    target: { name: hostile, version: hostile, cmd: hostile },
    host: { cpu: hostile, cores: 2, node: hostile, kernel: hostile },
    params: { [hostile]: hostile },
    valid: false,
    invalidReasons: [hostile],
  });
  await open([result, { ...result, valid: true, invalidReasons: [] }], {}, async (page) => {
    assert.equal(await page.locator('body img, body [onmouseover]').count(), 0);
    assert.equal(await page.locator('script').count(), 3);
    assert.equal(await page.textContent('h2.several'), hostile);
    assert.ok((await inkedPixels(page)).length > 0);
    await page.locator('.chart .u-over').first().hover();
  });
});
