// The report as one HTML page that needs nothing else: uPlot, our script and style are inlined, no request is made.
// The page's own policy (CSP) allows only the scripts that are in it by their hash, and no connection at all.

import { bundled, ICON, policyHash, styles, uplotScript } from '../../src/base/page/inline.js';
import { embeddedJson, html, type Markup, trusted } from '../../src/base/page/markup.js';
import type { Result } from '../result/result.js';
import { type Chart, chartsOf } from './chart.js';
import { groupByScenario } from './grouping.js';
import { contents, scenarioSection } from './sections.js';
import { judge } from './verdict.js';

/** The whole page as a string. */
export function renderHtml(results: readonly Result[]): string {
  const groups = groupByScenario(results);
  const anchors = groups.map((_, i) => `s${i}`);
  const charts = groups.map((group, i) => chartsOf(group, anchors[i] ?? ''));
  const bad = results.filter((result) => judge(result).kind !== 'good').length;
  const body = groups.map((group, i) => scenarioSection(group, charts[i] ?? [], anchors[i] ?? ''));
  return pageOf({
    title: `${bad === 0 ? '' : `${bad} of ${results.length} not good: `}${groups.map((group) => group.scenario).join(', ')} · fanwire`,
    kind: 'load report',
    when: when(results),
    main: html`${contents(groups, anchors)}${body}`,
    charts: charts.flat(),
    styles: ['bench/report/page/side-by-side.css'],
  });
}

/** A page of this kind. */
export interface PageParts {
  readonly title: string;
  /** Beside the name: "load report". */
  readonly kind: string;
  /** When what it shows was measured. */
  readonly when: string;
  readonly main: Markup;
  /** Drawn by the page's script where `chartFigures` has put them. */
  readonly charts: readonly Chart[];
  /** Further style files of the package. */
  readonly styles: readonly string[];
}

/** A page that holds all it needs. */
export function pageOf({ title, kind, when, main, charts, styles: further }: PageParts): string {
  const scripts = charts.length === 0 ? [] : [uplotScript(), bundled(new URL('./page/charts.js', import.meta.url))];
  const hashes = scripts.length === 0 ? "'none'" : scripts.map(policyHash).join(' ');
  const policy = `default-src 'none'; script-src ${hashes}; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'`;
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<title>${title}</title>
<link rel="icon" href="${trusted(ICON)}">
<style>${trusted(styles('src/base/page/base.css', 'bench/report/page/page.css', ...further))}</style>
</head>
<body>
<header><h1>fanwire <span>${kind}</span></h1><p>${when}</p></header>
<main>${main}</main>
<footer>Latency counts from the moment a message was due, so a stall is seen in full. A run whose generator was the
bottleneck is invalid, and none of its figures is shown.${charts.length === 0 ? '' : ' Charts over time are shaded while connections open and the load warms up: nothing of that is measured.'}</footer>
${charts.length === 0 ? '' : html`<script type="application/json" id="charts">${embeddedJson(charts)}</script>`}
${scripts.map((script) => html`<script type="module">${trusted(script)}</script>`)}
</body>
</html>
`.toString();
}

/** "2026-11-24 08:00 UTC". */
export function minuteText(instant: string): string {
  return `${instant.slice(0, 10)} ${instant.slice(11, 16)} UTC`;
}

function when(results: readonly Result[]): string {
  const starts = results.flatMap((result) => result.startedAt ?? []).sort();
  const first = starts[0];
  return first === undefined ? '' : minuteText(first);
}
