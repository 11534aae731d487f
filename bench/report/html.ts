// The report as one HTML page that needs nothing else: uPlot, our script and style are inlined, no request is made.
// The page's own policy (CSP) allows only the scripts that are in it by their hash, and no connection at all.

import { bundled, ICON, policyHash, styles, uplotScript } from '../../src/base/page/inline.js';
import { embeddedJson, html, type Markup, trusted } from '../../src/base/page/markup.js';
import type { Result } from '../result/result.js';
import { chartsOf } from './chart.js';
import { groupByScenario } from './grouping.js';
import { contents, scenarioSection } from './sections.js';
import { judge } from './verdict.js';

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
  const scripts = [uplotScript(), bundled(new URL('./page/charts.js', import.meta.url))];
  const hashes = scripts.map(policyHash).join(' ');
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
<link rel="icon" href="${trusted(ICON)}">
<style>${trusted(styles('src/base/page/base.css', 'bench/report/page/page.css', 'bench/report/page/side-by-side.css'))}</style>
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
