// The page of the history in a real Chromium, and the alerts: one a change, naming the commits it lies between.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { annotation, describeAlert } from '../../../bench/history/alert-text.js';
import { renderHistoryHtml } from '../../../bench/history/page.js';
import { alertsOf } from '../../../bench/history/trends.js';
import { noChromium, PHONE, sharedChromium } from '../../support/chromium.js';
import { sampleHistory } from '../../support/sample-history.js';

const skip = noChromium;
const chromium = sharedChromium();
const folder = mkdtempSync(join(tmpdir(), 'fanwire-history-page-'));
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

after(() => rmSync(folder, { recursive: true }));

/** Twelve commits like the anchor, then eight that cost 6 % more. */
const entries = sampleHistory([...Array(12).fill(1), ...Array(8).fill(1.06)]);

test('a change is one alert, with the commits on either side, and is new only once', () => {
  const alerts = alertsOf(entries);
  assert.equal(alerts.length, 1);
  const [alert] = alerts;
  assert.ok(alert);
  assert.deepEqual([alert.after, alert.commit], [entries[11]?.commit, entries[12]?.commit]);
  assert.match(
    describeAlert(alert),
    /^worse after [0-9a-f]{9}, at the latest with [0-9a-f]{9}: fan-out cpu \+[56]\.\d %/,
  );
  const known = Array.from({ length: entries.length }, (_, i) => alertsOf(entries.slice(0, i + 1)));
  assert.equal(known.filter((some) => some.some(({ isNew }) => isNew)).length, 1, 'it is told once');
  assert.match(annotation(alert), /^::warning title=fanwire history::worse .*%25/);
});

test('metrics that change with the same commit are one alert, and what gets better is no warning', () => {
  const better = sampleHistory([...Array(12).fill(1.1), ...Array(8).fill(1)]).map((entry) => ({
    ...entry,
    points: entry.points.map((point, _, all) =>
      point.metric === 'p99' ? { ...point, ratio: all[0]?.ratio ?? 1 } : point,
    ),
  }));
  const alerts = alertsOf(better);
  assert.equal(alerts.length, 1);
  assert.deepEqual(alerts[0]?.changes.map(({ trend }) => trend.metric).sort(), ['cpu', 'p99']);
  assert.match(annotation(alerts[0] as (typeof alerts)[0]), /^::notice /);
});

test('the page shows the change where it is, fits a phone, and axe finds nothing serious', { skip }, async () => {
  const file = join(folder, 'history.html');
  writeFileSync(file, renderHistoryHtml(entries, 3));
  for (const colorScheme of ['light', 'dark'] as const) {
    const context = await chromium().newContext({ ...PHONE, colorScheme });
    try {
      const page = await context.newPage();
      const problems: string[] = [];
      page.on('pageerror', (error) => problems.push(error.message));
      page.on('console', (message) => message.type() === 'error' && problems.push(message.text()));
      await page.goto(pathToFileURL(file).href);
      assert.match((await page.textContent('.alert')) ?? '', /Worse since [0-9a-f]{9}.*git log .*fan-out: server CPU/s);
      assert.match((await page.textContent('main')) ?? '', /3 entries of another anchor are not shown/);
      assert.equal(await page.locator('.trend .edge').count(), 1);
      assert.equal(await page.evaluate('document.documentElement.scrollWidth'), PHONE.viewport.width);
      await page.$$eval('details', (all) => {
        for (const one of all) (one as unknown as { open: boolean }).open = true;
      });
      await page.evaluate(AXE);
      const faults = await page.evaluate(
        `axe.run().then(({ violations }) => violations
          .filter(({ impact }) => impact === 'serious' || impact === 'critical').map(({ id, nodes }) => id + nodes[0].html))`,
      );
      assert.deepEqual([faults, problems], [[], []]);
    } finally {
      await context.close();
    }
  }
});

test('a history of many entries and metrics is a page of bounded size, and says what it leaves out', () => {
  const many = sampleHistory(Array(20_000).fill(1));
  const [text, few] = [renderHistoryHtml(many, 0), renderHistoryHtml(many.slice(-400), 0)];
  assert.ok(text.length < few.length * 1.01, `${text.length} characters, ${few.length} of 400 entries`);
  assert.match(text, /<b class="second">entries<\/b> 20000,.*Of each metric the newest 400 entries are shown/s);
  assert.doesNotMatch(few, /are shown/);
});

test('a history of 500 series is a page below 5 MB: what decides and has changed is drawn, the rest is a line each', () => {
  const many = sampleHistory([...Array(395).fill(1), ...Array(5).fill(1.06)]).map((entry) => ({
    ...entry,
    points: Array.from({ length: 170 }, (_, i) =>
      entry.points.map((point) => ({
        ...point,
        scenario: `scenario ${i}`,
        isGate: point.metric === 'cpu' && i >= 100,
      })),
    ).flat(),
  }));
  const text = renderHistoryHtml(many, 0);
  assert.ok(text.length < 5e6, `${text.length} characters`);
  assert.equal(text.match(/<article class="trend">/g)?.length, 150);
  assert.match(text, /Without a plot \(360\).*150 series are drawn/s);
  assert.match(text, /<h2 class="several">scenario 169</, 'what decides is drawn, wherever it stands');
  assert.match(text, /Entries \(the newest 40 of 400\)/);
  assert.match(text, /<li>and 58 more metrics</);
});
