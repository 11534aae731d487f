// The page of a comparison in a real Chromium: evidence first, colour only where something is decided, on a phone too,
// and accessible.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import type { BrowserContextOptions, Page } from 'playwright-core';
import type { Comparison } from '../../../bench/compare/comparison.js';
import { renderComparisonHtml } from '../../../bench/compare/report-html.js';
import { noChromium, PHONE, sharedChromium } from '../../support/chromium.js';
import { sampleComparison } from '../../support/sample-comparison.js';

const skip = noChromium;
const chromium = sharedChromium();
const folder = mkdtempSync(join(tmpdir(), 'fanwire-comparison-'));
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

after(() => rmSync(folder, { recursive: true }));

/** Opens the page from a file, fails on any error or request, and hands it to `check`. */
async function open(
  comparison: Comparison,
  options: BrowserContextOptions,
  check: (page: Page) => Promise<void>,
): Promise<void> {
  const file = join(folder, 'comparison.html');
  writeFileSync(file, renderComparisonHtml(comparison));
  const context = await chromium().newContext(options);
  try {
    const page = await context.newPage();
    const problems: string[] = [];
    page.on('pageerror', (error) => problems.push(error.message));
    page.on('console', (message) => message.type() === 'error' && problems.push(message.text()));
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

/** What axe-core finds that is serious or critical, with everything folded out. */
async function seriousFaults(page: Page): Promise<string[]> {
  await page.$$eval('details', (all) => {
    for (const one of all) (one as unknown as { open: boolean }).open = true;
  });
  await page.evaluate(AXE);
  return (await page.evaluate(
    `axe.run().then(({ violations }) => violations
      .filter(({ impact }) => impact === 'serious' || impact === 'critical')
      .map(({ id, nodes }) => id + ': ' + nodes[0].html))`,
  )) as string[];
}

const gates = ['cpu', 'throughput', 'p50', 'p99'] as const;
const undecided = sampleComparison(1.046, { spread: 0.03, gates });
const worse = sampleComparison(1.14, { spread: 0.02, gates });
const command = `node /a/very/long/path/without/any/space/${'x'.repeat(80)}/server.js {port}`;
const long = { ...worse, base: command, head: command };
const suite = sampleComparison(1, { spread: 0.03, gates, scenarios: ['fan-out', 'burst'] });

test('what is undecided stands first and has no colour; each figure says which loop it is from', { skip }, async () => {
  assert.equal(undecided.verdict, 'inconclusive');
  await open(undecided, {}, async (page) => {
    const first = page.locator('article.metric').first();
    assert.match((await first.textContent()) ?? '', /server CPU.*closed loop.*Not decided.*base .* s, head .* s/s);
    const colour = (selector: string) =>
      page.evaluate(`getComputedStyle(document.querySelector(${JSON.stringify(selector)})).stroke`);
    assert.equal(await colour('.metric.open .interval'), await colour('.legend .interval'));
    assert.notEqual(await colour('.metric.good .interval'), await colour('.legend .interval'));
    assert.equal(await page.locator('.best').count(), 0);
  });
});

test('a plot has a dot for each pair, and its interval lies where its text says', { skip }, async () => {
  await open(worse, {}, async (page) => {
    const plot = page.locator('article.metric.failed svg.evidence').first();
    assert.equal(await plot.locator('.pair').count(), 18);
    const box = async (selector: string) => {
      const found = await plot.locator(selector).first().boundingBox();
      assert.ok(found, selector);
      return found;
    };
    const [band, interval] = [await box('.band'), await box('.interval')];
    const isBeyond = interval.x > band.x + band.width || interval.x + interval.width < band.x;
    assert.ok(isBeyond, 'a regressed interval lies outside its budget');
    assert.ok(band.width > 100, `the band is ${band.width} pixels wide`);
  });
});

test('nothing is drawn over the word that says which end is worse', { skip }, async () => {
  await open(worse, {}, async (page) => {
    const plot = page.locator('article.metric.failed svg.evidence').first();
    const word = await plot.locator('.worse').boundingBox();
    const drawn = await Promise.all(
      ['.band', '.zero', '.pair', '.interval', '.family', '.estimate'].map((one) =>
        plot.locator(one).first().boundingBox(),
      ),
    );
    assert.ok(word !== null);
    for (const box of drawn) assert.ok(box !== null && box.y >= word.y + word.height - 1, JSON.stringify(box));
  });
});

test('several scenarios are one page: each is linked with its verdict, charts are folded and drawn when opened', {
  skip,
}, async () => {
  await open(suite, {}, async (page) => {
    assert.match((await page.textContent('nav')) ?? '', /fan-out unchanged\s*burst unchanged/);
    assert.equal(await page.locator('.chart canvas').first().isVisible(), false);
    await page.locator('summary', { hasText: 'typical run' }).first().click();
    await page.locator('.chart canvas').first().waitFor({ state: 'visible' });
  });
});

for (const [name, comparison] of Object.entries({ undecided, worse, long, suite })) {
  test(`the page (${name}) fits a phone, and axe finds nothing serious in light and in dark`, { skip }, async () => {
    for (const colorScheme of ['light', 'dark'] as const) {
      await open(comparison, { ...PHONE, colorScheme }, async (page) => {
        const [width, metric, says, plot] = await Promise.all([
          page.evaluate('document.documentElement.scrollWidth'),
          ...['.metric h3', '.metric .says', '.metric .plot'].map((one) => page.locator(one).first().boundingBox()),
        ]);
        assert.equal(width, PHONE.viewport.width);
        assert.ok(metric && says && plot && metric.y < says.y && says.y < plot.y, 'metric, verdict, plot');
        assert.deepEqual(await seriousFaults(page), []);
      });
    }
  });
}
