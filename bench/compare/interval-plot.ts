// The picture of one metric's evidence: a dot a pair, the intervals, and the budget as a band, on an axis in percent
// that all metrics of a page share. Drawn in percent of its width, so that it fits a phone and a desk without a script.

import { countOf } from '../../src/base/page/format.js';
import { html, type Markup } from '../../src/base/page/markup.js';
import { limitOf } from './budget.js';
import { budgetText, type MetricOutcome, percent } from './comparison.js';

/** Maps ratios to percent of the plot's width. */
export interface Axis {
  at(ratio: number): number;
  readonly ticks: readonly Tick[];
}

interface Tick {
  readonly ratio: number;
  /** "+5 %", "0". */
  readonly text: string;
  /** Whether a phone has no room for its label. */
  readonly isMinor: boolean;
}

/** Within this change (log, %) the axis is nearly even; beyond, it is logarithmic: CPU's 5 % and p99's 50 % are both to
 *  be seen. */
const EVEN_PERCENT = 3;
/** Percent of the width that is kept free at either end. */
const MARGIN = 3;
/** Those that matter most first: of two labels that would overlap, the first is drawn. */
const TICK_PERCENTS = [0, 5, -5, 20, -20, 100, -75, 1000, -95, 10, -10, 50, -50, 2, -2, 300, -90, 3000];
/** Percent of the width that a label takes: on a desk, and on a phone. */
const [LABEL, PHONE_LABEL] = [6.5, 14];
/** The axis covers this change at least, and at most. */
const [LEAST_PERCENT, MOST_PERCENT] = [10, 4000];

/** An axis on which everything that decides of `metrics` has room. */
export function axisFor(metrics: readonly MetricOutcome[]): Axis {
  const shown = metrics.flatMap(({ budget, moreIsBetter, interval, ratio }) => [
    limitOf(budget, moreIsBetter) ** 1.3,
    ...(interval === null ? [ratio ?? 1] : [interval.low, interval.high]),
  ]);
  const furthest = Math.max(...shown.map((one) => Math.abs(Math.log(one))), Math.log1p(LEAST_PERCENT / 100));
  const span = stretch(Math.min(furthest * 1.1, Math.log1p(MOST_PERCENT / 100)));
  const at = (ratio: number): number => {
    const place = 50 + (stretch(Math.log(ratio)) / span) * (50 - MARGIN);
    return Math.round(Math.max(0.5, Math.min(99.5, place)) * 100) / 100;
  };
  const inside = TICK_PERCENTS.filter((tick) => Math.abs(stretch(Math.log1p(tick / 100))) <= span);
  return { at, ticks: labelled(inside, at) };
}

/** Those of `changes` (in percent) whose labels do not overlap. */
function labelled(changes: readonly number[], at: Axis['at']): Tick[] {
  const ticks: Tick[] = [];
  for (const change of changes) {
    const ratio = 1 + change / 100;
    const apart = (least: number, others: readonly Tick[]): boolean =>
      others.every((other) => Math.abs(at(other.ratio) - at(ratio)) >= least);
    if (!apart(LABEL, ticks)) continue;
    const majors = ticks.filter((other) => !other.isMinor);
    const text = change === 0 ? '0' : `${change > 0 ? '+' : '−'}${Math.abs(change)} %`;
    ticks.push({ ratio, text, isMinor: !apart(PHONE_LABEL, majors) });
  }
  return ticks;
}

function stretch(log: number): number {
  return Math.asinh((log * 100) / EVEN_PERCENT);
}

const HEIGHT = 110;
/** Above the plot itself: the word for the worse end, which nothing else is drawn on. */
const TOP = 16;
const DOTS = { top: 26, bottom: 60 };
const INTERVAL_Y = 76;
const BASE_Y = 90;

export function intervalPlot(metric: MetricOutcome, axis: Axis): Markup {
  const { interval, familyInterval, ratio, budget, moreIsBetter } = metric;
  const limit = limitOf(budget, moreIsBetter);
  const [from, to] = [axis.at(1 / limit), axis.at(limit)];
  const worse = moreIsBetter
    ? html`<text class="worse" x="0.5%" y="11">◂ worse</text>`
    : html`<text class="worse end" x="99.5%" y="11">worse ▸</text>`;
  return html`<svg class="plot evidence" role="img" aria-label="${describe(metric)}" height="${HEIGHT}">
<rect class="band" x="${from}%" width="${to - from}%" y="${TOP}" height="${BASE_Y - TOP}"/>
<line class="edge" x1="${from}%" x2="${from}%" y1="${TOP}" y2="${BASE_Y}"/><line class="edge" x1="${to}%" x2="${to}%" y1="${TOP}" y2="${BASE_Y}"/>
${axis.ticks.map((tick) => mark(tick, axis))}
<line class="zero" x1="${axis.at(1)}%" x2="${axis.at(1)}%" y1="${TOP}" y2="${BASE_Y}"/>${worse}
${dots(metric.pairRatios, axis)}
${familyInterval === null ? '' : line('family', familyInterval.low, familyInterval.high, axis)}
${interval === null ? '' : line('interval', interval.low, interval.high, axis)}
${ratio === null ? '' : html`<circle class="estimate" cx="${axis.at(ratio)}%" cy="${INTERVAL_Y}" r="5"/>`}
</svg>`;
}

function mark({ ratio, text, isMinor }: Tick, axis: Axis): Markup {
  const x = axis.at(ratio);
  const minor = isMinor ? 'minor' : '';
  return html`<line class="tick" x1="${x}%" x2="${x}%" y1="${BASE_Y}" y2="${BASE_Y + 4}"/><text class="${minor}" x="${x}%" y="${BASE_Y + 16}">${text}</text>`;
}

/** From top to bottom in the order run: a drift is seen as a slope. */
function dots(ratios: readonly (number | null)[], axis: Axis): Markup[] {
  const step = (DOTS.bottom - DOTS.top) / Math.max(1, ratios.length - 1);
  return ratios.flatMap((ratio, i) =>
    ratio === null
      ? []
      : [
          html`<circle class="pair" cx="${axis.at(ratio)}%" cy="${Math.round((DOTS.top + i * step) * 10) / 10}" r="3"/>`,
        ],
  );
}

function line(kind: string, low: number, high: number, axis: Axis): Markup {
  return html`<line class="${kind}" x1="${axis.at(low)}%" x2="${axis.at(high)}%" y1="${INTERVAL_Y}" y2="${INTERVAL_Y}"/>`;
}

function describe(metric: MetricOutcome): string {
  const { ratio, interval, pairRatios } = metric;
  const change = ratio === null ? 'no figure' : percent(ratio);
  const range =
    interval === null ? 'no interval yet' : `interval ${percent(interval.low)} to ${percent(interval.high)}`;
  return `${metric.label}: ${change}, ${range}, budget ${budgetText(metric)}, ${countOf(pairRatios.length, 'pair')}`;
}
