// A comparison as one HTML page: the verdict and its table above the two sides' curves in one chart each.

import { html, type Markup } from '../../src/base/page/markup.js';
import { renderHtml } from '../report/html.js';
import { type Comparison, type MetricOutcome, percent } from './comparison.js';
import { confidenceText, figure, footnoteText, headline, measured } from './report-text.js';

/** How the page's style colours a verdict. */
const KIND = { regressed: 'failed', improved: 'good', unchanged: 'good', inconclusive: 'invalid' } as const;

export function renderComparisonHtml(comparison: Comparison): string {
  const results = comparison.scenarios.flatMap((one) =>
    one.results === null ? [] : [one.results.base, one.results.head],
  );
  return renderHtml(results, {
    title: headline(comparison),
    above: section(comparison),
  });
}

function section(comparison: Comparison): Markup {
  return html`<section class="scenario">
<div class="verdict ${KIND[comparison.verdict]}"><h2>${headline(comparison)}</h2>
${comparison.reasons.length === 0 ? '' : html`<ul>${comparison.reasons.map((reason) => html`<li>${reason}</li>`)}</ul>`}</div>
${comparison.scenarios.map(
  (scenario) => html`<div class="scroll"><table class="changes">
<thead><tr><th>${scenario.name}</th><th>change</th><th></th><th></th><th>${confidenceText(comparison.alpha)} interval</th><th>base</th><th>head</th><th>budget</th></tr></thead>
<tbody>${scenario.metrics.filter(measured).map(row)}</tbody></table></div>`,
)}
<p class="what">${footnoteText(comparison)}</p>
</section>`;
}

function row(metric: MetricOutcome): Markup {
  const { interval } = metric;
  const sign = metric.moreIsBetter ? '−' : '+';
  const verdict = metric.isGate ? metric.verdict : `(${metric.verdict})`;
  return html`<tr><th scope="row">${metric.label}</th>
<td>${interval === null ? '' : percent(interval.ratio)}</td>
<td class="${metric.isGate ? KIND[metric.verdict] : ''}">${verdict}</td>
<td>${whisker(metric)}</td>
<td>${interval === null ? '' : `${percent(interval.low)} … ${percent(interval.high)}`}</td>
<td>${figure(metric, metric.base)}</td><td>${figure(metric, metric.head)}</td>
<td>${sign}${Number((metric.budget * 100).toFixed(1))} %</td></tr>`;
}

const WIDTH = 120;

/** The interval as a bar on an axis of ±3 budgets, with the budget's borders and "no change" marked. */
function whisker(metric: MetricOutcome): Markup {
  const { interval, budget } = metric;
  if (interval === null) return html``;
  const span = Math.log1p(budget) * 3;
  const x = (ratio: number): number => Math.max(4, Math.min(WIDTH - 4, (Math.log(ratio) / span + 1) * (WIDTH / 2)));
  const border = (ratio: number, width: string): Markup =>
    html`<line x1="${x(ratio)}" x2="${x(ratio)}" y1="0" y2="14" stroke="currentColor" stroke-width="${width}" opacity="0.45"/>`;
  const [low, high] = [x(interval.low), x(interval.high)];
  return html`<svg width="${WIDTH}" height="14" role="img" aria-label="interval against budget">
${border(1, '1.5')}${border(1 + budget, '0.7')}${border(1 / (1 + budget), '0.7')}
<rect x="${low}" y="4" width="${Math.max(2, high - low)}" height="6" rx="3" fill="currentColor" opacity="0.5"/>
<circle cx="${x(interval.ratio)}" cy="7" r="3.5" fill="currentColor"/></svg>`;
}
