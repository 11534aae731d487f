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
  const drawn = drawnOf(trends);
  const scenarios = [...new Set(trends.filter((trend) => drawn.has(trend)).map(({ scenario }) => scenario))];
  return pageOf({
    title: `History: ${countOf(alerts.length, 'change')} in ${countOf(entries.length, 'entry', 'entries')} · fanwire`,
    kind: 'history',
    when: entries.length === 0 ? '' : `up to ${minuteText((entries.at(-1) as HistoryEntry).at)}`,
    main: html`${top(entries, alerts, others)}${scenarios.map((scenario, i) => section(scenario, [...drawn], i))}${notDrawn(
      trends.filter((trend) => !drawn.has(trend)),
      drawn.size,
    )}`,
    charts: [],
    styles: ['bench/report/page/comparison.css', 'bench/report/page/history.css'],
  });
}

/** Series with a plot: a page of them all would have 50 MB where there are 500. */
const MOST_DRAWN = 150;
const MOST_ALERTS = 20;
/** Lines of an alert, and rows below a plot. */
const MOST_LINES = 12;
const MOST_ROWS = 40;

/** The series that are drawn, in the order of the page: those that decide and have changed before all others. */
function drawnOf(trends: readonly Trend[]): Set<Trend> {
  const rank = ({ isGate, changes }: Trend): number => (isGate ? 2 : 0) + (changes.length > 0 ? 1 : 0);
  const first = [...trends].sort((one, other) => rank(other) - rank(one)).slice(0, MOST_DRAWN);
  const chosen = new Set(first);
  return new Set(trends.filter((trend) => chosen.has(trend)));
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
${alerts.length === 0 ? html`<div class="verdict open"><h2>No change of level found</h2></div>` : alerts.slice(0, MOST_ALERTS).map(alertCard)}
${alerts.length > MOST_ALERTS ? html`<p class="load">${alerts.length - MOST_ALERTS} older changes are not listed; <code>fanwire history check</code> names them.</p>` : ''}
<p class="load">Each point is a ratio to the anchor build that was played in the same job, with its interval, so that the ${hosts === 1 ? 'machine' : `${hosts} kinds of machine`} may differ. A level is the median between two changes.${older}${hidden}</p>
</section>`;
}

function alertCard({ after, commit, at, isNew, changes }: Alert): Markup {
  const kind = changes.some(({ isWorse }) => isWorse) ? 'failed' : 'good';
  const lines = changes.map(
    ({ trend, ratio, p }) => html`<li>${trend.scenario}: ${trend.label} ${percent(ratio)} (p ${p.toFixed(3)})</li>`,
  );
  return html`<div class="verdict alert ${kind}"><h2>${kind === 'failed' ? 'Worse' : 'Better'} since ${short(commit)}${isNew ? html` <small>new</small>` : ''}</h2>
<p>after ${short(after)}, at the latest with ${short(commit)} (${minuteText(at)}): <code>git log ${short(after)}..${short(commit)}</code></p><ul>${lines.slice(0, MOST_LINES)}${lines.length > MOST_LINES ? html`<li>and ${lines.length - MOST_LINES} more metrics</li>` : ''}</ul></div>`;
}

function section(scenario: string, trends: readonly Trend[], i: number): Markup {
  const own = trends.filter((trend) => trend.scenario === scenario);
  const others = own.filter(({ isGate }) => !isGate);
  return html`<section class="scenario" id="s${i}"><h2 class="several">${scenario}</h2>
${own.filter(({ isGate }) => isGate).map(trendArticle)}
${others.length === 0 ? '' : html`<details><summary>Metrics that do not decide (${others.length})</summary>${others.map(trendArticle)}</details>`}
</section>`;
}

/** A line each for what has no plot. */
function notDrawn(trends: readonly Trend[], drawn: number): Markup | '' {
  if (trends.length === 0) return '';
  return html`<section class="scenario"><details><summary>Without a plot (${trends.length})</summary>
<p class="load">${drawn} series are drawn: those that decide and have changed first. All entries are in the store.</p>
<div class="scroll" tabindex="0" role="region" aria-label="Series without a plot"><table class="lines"><thead><tr><th scope="col">series</th><th scope="col">against the anchor</th><th scope="col">changes</th></tr></thead>
<tbody>${trends.map((trend) => html`<tr><th scope="row">${trend.scenario}: ${trend.label}</th><td>${levelOf(trend)}</td><td>${trend.changes.length}</td></tr>`)}</tbody></table></div></details></section>`;
}

function levelOf({ levels }: Trend): string {
  const now = levels.at(-1);
  return now === undefined ? '' : percent(now.ratio);
}

function trendArticle(trend: Trend): Markup {
  const { label, points, changes, moreIsBetter } = trend;
  const steps = changes.length === 0 ? 'no change' : `${countOf(changes.length, 'change')} of level`;
  const rows = [...points].reverse().slice(0, MOST_ROWS);
  const count = rows.length < points.length ? `the newest ${rows.length} of ${points.length}` : points.length;
  return html`<article class="trend"><div class="name"><h3>${label}</h3><p>${moreIsBetter ? 'more is better' : 'less is better'}</p></div>
<p class="says">${levelOf(trend)} against the anchor, ${steps}</p>
${trendPlot(trend)}
<details class="entries"><summary>Entries (${count})</summary><div class="scroll" tabindex="0" role="region" aria-label="Entries of ${label}"><table><thead><tr><th scope="col">commit</th><th scope="col">when</th><th scope="col">change</th><th scope="col">interval</th></tr></thead>
<tbody>${rows.map((point) => html`<tr><th scope="row"><code>${short(point.commit)}</code></th><td>${minuteText(point.at)}</td><td>${percent(point.ratio)}</td><td>${point.low === null || point.high === null ? '' : `${percent(point.low)} … ${percent(point.high)}`}</td></tr>`)}</tbody></table></div></details></article>`;
}

const HEIGHT = 150;
/** Units of the points' own picture, which is as wide as the plot. */
const CLOUD_WIDTH = 2_000;
/** So many would hide each other on a phone. */
const MANY_POINTS = 100;
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
  const part = (i: number): number => 2 + (96 * (i + 0.5)) / points.length;
  const x = (i: number): string => `${Math.round(part(i) * 100) / 100}%`;
  const grid = ticks(low, high).map(
    (log) =>
      html`<line class="${log === 0 ? 'zero' : 'tick'}" x1="0" x2="100%" y1="${y(log)}" y2="${y(log)}"/><text class="end" x="-8" y="${y(log) + 4}">${log === 0 ? 'anchor' : percent(Math.exp(log)).replace('.0', '')}</text>`,
  );
  const marks = changes.map(({ at }) => {
    const place = x(at - 0.5);
    return html`<line class="edge" x1="${place}" x2="${place}" y1="0" y2="${PLOT.bottom}"/><text x="${place}" y="${PLOT.bottom + 18}">${short(points[at]?.commit ?? '')}</text>`;
  });
  // One path for all points and one for all intervals: an element each would be three times as long.
  const place = (i: number): number => Math.round((part(i) * CLOUD_WIDTH) / 100);
  const whiskers = points.map(({ low: from, high: to }, i) =>
    from === null || to === null ? '' : `M${place(i)} ${y(Math.log(from))}V${y(Math.log(to))}`,
  );
  const dots = points.map(({ ratio }, i) => `M${place(i)} ${y(Math.log(ratio))}h.1`);
  const cloud = html`<svg class="cloud${points.length > MANY_POINTS ? ' dense' : ''}" viewBox="0 0 ${CLOUD_WIDTH} ${HEIGHT}" preserveAspectRatio="none" width="100%" height="${HEIGHT}"><path class="whisker" d="${whiskers.join('')}"/><path class="pair" d="${dots.join('')}"/></svg>`;
  const steps = levels.map(
    ({ from, to, ratio }) =>
      html`<line class="level" x1="${x(from - 0.5)}" x2="${x(to - 0.5)}" y1="${y(Math.log(ratio))}" y2="${y(Math.log(ratio))}"/>`,
  );
  return html`<div class="gutter"><svg class="plot" height="${HEIGHT}" role="img" aria-label="${label} against the anchor, ${points.length} entries, ${changes.length} changes of level">${grid}${marks}${cloud}${steps}</svg></div>`;
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
