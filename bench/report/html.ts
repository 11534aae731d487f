// The report as one HTML page that needs nothing else: uPlot, our script and style are inlined, no request is made.
// The page's own policy (CSP) allows only the scripts that are in it by their hash, and no connection at all.

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Result } from '../result.js';
import { chartsOf } from './chart.js';
import { groupByScenario } from './grouping.js';
import { embeddedJson, html, type Markup, trusted } from './markup.js';
import { contents, scenarioSection } from './sections.js';
import { judge } from './verdict.js';

const ICON =
  'data:image/svg+xml,%3Csvg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"%3E%3Ccircle cx="3" cy="8" r="2.4" fill="%232f6f8f"/%3E%3Cpath d="M5 8 14 2M5 8h9M5 8l9 6" stroke="%232f6f8f" stroke-width="1.6"/%3E%3C/svg%3E';

/** What another report puts around the results: a title of its own, and a section above them. */
export interface Frame {
  readonly title: string;
  readonly above: Markup;
}

/** The whole page as a string. */
export function renderHtml(results: readonly Result[], frame?: Frame): string {
  const groups = groupByScenario(results);
  const anchors = groups.map((_, i) => `s${i}`);
  const charts = groups.map((group, i) => chartsOf(group, anchors[i] ?? ''));
  const scripts = [uplotScript(), pageScript()];
  const hashes = scripts.map((script) => `'sha256-${createHash('sha256').update(script).digest('base64')}'`).join(' ');
  const policy = `default-src 'none'; script-src ${hashes}; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'`;
  const bad = results.filter((result) => judge(result).kind !== 'good').length;
  const title = `${bad === 0 ? '' : `${bad} of ${results.length} not good: `}${groups.map((group) => group.scenario).join(', ')} · fanwire`;
  const body = groups.map((group, i) => scenarioSection(group, charts[i] ?? [], anchors[i] ?? ''));
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<title>${frame?.title ?? title}</title>
<link rel="icon" href="${trusted(ICON.replace(/"/g, "'"))}">
<style>${trusted(uplotStyle())}${trusted(pageStyle())}</style>
</head>
<body>
<header><h1>fanwire <span>load report</span></h1><p>${when(results)}</p></header>
<main>${frame?.above ?? ''}${contents(groups, anchors)}${body}</main>
<footer>Latency counts from the moment a message was due, so a stall is seen in full. A run whose generator was the
bottleneck is invalid, and none of its figures is shown.</footer>
<script type="application/json" id="charts">${embeddedJson(charts.flat())}</script>
${scripts.map((script) => html`<script type="module">${trusted(script)}</script>`)}
</body>
</html>
`.toString();
}

function when(results: readonly Result[]): string {
  const starts = results.flatMap((result) => result.startedAt ?? []).sort();
  const first = starts[0];
  return first === undefined ? '' : `${first.slice(0, 10)} ${first.slice(11, 16)} UTC`;
}

const require = createRequire(import.meta.url);

function uplotScript(): string {
  // A module's `var` is not global; the page's script finds uPlot there.
  return `${readFileSync(require.resolve('uplot/dist/uPlot.iife.min.js'), 'utf8')};globalThis.uPlot=uPlot;`;
}

function uplotStyle(): string {
  return readFileSync(require.resolve('uplot/dist/uPlot.min.css'), 'utf8');
}

/** charts.js with what it imports from format.js put before it: one module, which needs no other file. */
function pageScript(): string {
  const format = readFileSync(new URL('./format.js', import.meta.url), 'utf8');
  const charts = readFileSync(new URL('./page/charts.js', import.meta.url), 'utf8');
  return [format.replace(/^export /gm, ''), charts.replace(/^(import|export) .*;$/gm, '')]
    .map((script) => script.replace(/^\/\/# sourceMappingURL=.*$/gm, ''))
    .join('\n');
}

function pageStyle(): string {
  // Not compiled, so it lies in the package's source folder: three levels up from dist/bench/report.
  return readFileSync(new URL('../../../bench/report/page/page.css', import.meta.url), 'utf8');
}
