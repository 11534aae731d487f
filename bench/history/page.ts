// The history as one HTML page: the changes that were found, then a trend a metric and scenario, as the change from the
// anchor.

import { countOf } from '../../src/base/page/format.js';
import { html, type Markup } from '../../src/base/page/markup.js';
import { percent } from '../compare/comparison.js';
import { minuteText, pageOf } from '../report/html.js';
import { LONGEST } from './change-points.js';
import type { HistoryEntry } from './entry.js';
import { type Alert, alertsOf, type Trend, trendsOf } from './trends.js';

/** `entries`: oldest first, of one anchor. `others`: entries of other anchors, which are not shown. */
export function renderHistoryHtml(
  entries: readonly HistoryEntry[],
  others: number,
  trends = trendsOf(entries),
  alerts = alertsOf(entries, trends),
): string {
  const scenarios = [...new Set(trends.map(({ scenario }) => scenario))];
  return pageOf({
    title: `History: ${countOf(alerts.length, 'change')} in ${countOf(entries.length, 'entry', 'entries')} · fanwire`,
    kind: 'history',
    when: entries.length === 0 ? '' : `up to ${minuteText((entries.at(-1) as HistoryEntry).at)}`,
    main: html`${top(entries, alerts, others)}${scenarios.map((scenario, i) => section(scenario, trends, i))}`,
    charts: [],
    styles: ['bench/report/page/comparison.css', 'bench/report/page/history.css'],
  });
}

function top(entries: readonly HistoryEntry[], alerts: readonly Alert[], others: number): Markup {
  const [first, last] = [entries[0], entries.at(-1)];
  if (first === undefined || last === undefined) {
    return html`<section class="scenario"><div class="verdict open"><h2>Nothing yet</h2><p>fanwire history add results/*.json puts comparisons into this store.</p></div></section>`;
  }
  const hosts = new Set(entries.map(({ host }) => host.cpu)).size;
  const hidden = others === 0 ? '' : ` ${others} entries of another anchor are not shown.`;
  const older =
    entries.length <= LONGEST ? '' : ` Of each metric the newest ${LONGEST} entries are shown and looked at.`;
  return html`<section class="scenario">
<p class="what"><b>anchor</b> ${last.anchor} <b class="second">entries</b> ${entries.length}, from ${minuteText(first.at)} (${short(first.commit)}) to ${short(last.commit)}</p>
${alerts.length === 0 ? html`<div class="verdict open"><h2>No change of level found</h2></div>` : alerts.map(alertCard)}
<p class="load">Each point is a ratio to the anchor build that was played in the same job, with its interval, so that the ${hosts === 1 ? 'machine' : `${hosts} kinds of machine`} may differ. A level is the median between two changes.${older}${hidden}</p>
</section>`;
}

function alertCard({ after, commit, at, isNew, changes }: Alert): Markup {
  const kind = changes.some(({ isWorse }) => isWorse) ? 'failed' : 'good';
  const lines = changes.map(
    ({ trend, ratio, p }) => html`<li>${trend.scenario}: ${trend.label} ${percent(ratio)} (p ${p.toFixed(3)})</li>`,
  );
  return html`<div class="verdict alert ${kind}"><h2>${kind === 'failed' ? 'Worse' : 'Better'} since ${short(commit)}${isNew ? html` <small>new</small>` : ''}</h2>
<p>after ${short(after)}, at the latest with ${short(commit)} (${minuteText(at)}): <code>git log ${short(after)}..${short(commit)}</code></p><ul>${lines}</ul></div>`;
}

function section(scenario: string, trends: readonly Trend[], i: number): Markup {
  const own = trends.filter((trend) => trend.scenario === scenario);
  const others = own.filter(({ isGate }) => !isGate);
  return html`<section class="scenario" id="s${i}"><h2 class="several">${scenario}</h2>
${own.filter(({ isGate }) => isGate).map(trendArticle)}
${others.length === 0 ? '' : html`<details><summary>Metrics that do not decide (${others.length})</summary>${others.map(trendArticle)}</details>`}
</section>`;
}

function trendArticle(trend: Trend): Markup {
  const { label, levels, points, changes, moreIsBetter } = trend;
  const now = levels.at(-1);
  const steps = changes.length === 0 ? 'no change' : `${countOf(changes.length, 'change')} of level`;
  return html`<article class="trend"><div class="name"><h3>${label}</h3><p>${moreIsBetter ? 'more is better' : 'less is better'}</p></div>
<p class="says">${now === undefined ? '' : `${percent(now.ratio)} against the anchor, ${steps}`}</p>
${trendPlot(trend)}
<details class="entries"><summary>Entries (${points.length})</summary><div class="scroll" tabindex="0" role="region" aria-label="Entries of ${label}"><table><thead><tr><th scope="col">commit</th><th scope="col">when</th><th scope="col">change</th><th scope="col">interval</th></tr></thead>
<tbody>${[...points].reverse().map((point) => html`<tr><th scope="row"><code>${short(point.commit)}</code></th><td>${minuteText(point.at)}</td><td>${percent(point.ratio)}</td><td>${point.low === null || point.high === null ? '' : `${percent(point.low)} … ${percent(point.high)}`}</td></tr>`)}</tbody></table></div></details></article>`;
}

const HEIGHT = 150;
const PLOT = { top: 12, bottom: 128 };

function trendPlot({ label, points, levels, changes }: Trend): Markup {
  const shown = points.flatMap(({ ratio, low, high }) => [ratio, low ?? ratio, high ?? ratio]).map(Math.log);
  const middle = points.map(({ ratio }) => Math.log(ratio));
  // A wide interval may be cut off; a point may not.
  const furthest = Math.max(...middle.map(Math.abs), 0.01) * 2;
  const low = Math.max(-furthest, Math.min(...shown, 0)) * 1.05;
  const high = Math.min(furthest, Math.max(...shown, 0)) * 1.05;
  const y = (log: number): number => {
    const place = PLOT.bottom - ((log - low) / Math.max(high - low, 1e-6)) * (PLOT.bottom - PLOT.top);
    return Math.round(Math.max(4, Math.min(PLOT.bottom + 6, place)) * 10) / 10;
  };
  const x = (i: number): string => `${Math.round((2 + (96 * (i + 0.5)) / points.length) * 100) / 100}%`;
  const grid = ticks(low, high).map(
    (log) =>
      html`<line class="${log === 0 ? 'zero' : 'tick'}" x1="0" x2="100%" y1="${y(log)}" y2="${y(log)}"/><text class="end" x="-8" y="${y(log) + 4}">${log === 0 ? 'anchor' : percent(Math.exp(log)).replace('.0', '')}</text>`,
  );
  const marks = changes.map(({ at }) => {
    const place = x(at - 0.5);
    return html`<line class="edge" x1="${place}" x2="${place}" y1="0" y2="${PLOT.bottom}"/><text x="${place}" y="${PLOT.bottom + 18}">${short(points[at]?.commit ?? '')}</text>`;
  });
  const dots = points.map(
    ({ ratio, low: from, high: to }, i) =>
      html`${from === null || to === null ? '' : html`<line class="whisker" x1="${x(i)}" x2="${x(i)}" y1="${y(Math.log(from))}" y2="${y(Math.log(to))}"/>`}<circle class="pair" cx="${x(i)}" cy="${y(Math.log(ratio))}" r="3"/>`,
  );
  const steps = levels.map(
    ({ from, to, ratio }) =>
      html`<line class="level" x1="${x(from - 0.5)}" x2="${x(to - 0.5)}" y1="${y(Math.log(ratio))}" y2="${y(Math.log(ratio))}"/>`,
  );
  return html`<div class="gutter"><svg class="plot" height="${HEIGHT}" role="img" aria-label="${label} against the anchor, ${points.length} entries, ${changes.length} changes of level">${grid}${marks}${dots}${steps}</svg></div>`;
}

/** About four round changes in percent, zero among them. */
function ticks(low: number, high: number): number[] {
  const span = Math.expm1(high) - Math.expm1(low);
  const step = [0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5].find((one) => span / one <= 5) ?? 10;
  const all: number[] = [];
  for (let i = Math.ceil(Math.expm1(low) / step); i * step <= Math.expm1(high); i++) all.push(Math.log1p(i * step));
  return all.filter(Number.isFinite);
}

export function short(commit: string): string {
  return /^[0-9a-f]{12,40}$/.test(commit) ? commit.slice(0, 9) : commit;
}
