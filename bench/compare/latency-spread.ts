// Latency and staleness by percentile, of either side, with how far its runs differ: a curve without that says "three
// times faster" of two equal builds.

import { formatMs } from '../../src/base/page/format.js';
import { html, type Markup } from '../../src/base/page/markup.js';
import { decodeHistogram, percentileMs } from '../measure/histogram.js';
import type { Result } from '../result/result.js';
import { quantile } from './interval.js';
import { type Pair, statesPercentile } from './metrics.js';
import { whyUntimed } from './valid-run.js';

export interface LatencySpread {
  readonly percentile: number;
  /** Of a side's runs, ms: the lower quartile, the median, the upper quartile. */
  readonly base: readonly [number, number, number];
  readonly head: readonly [number, number, number];
}

const PERCENTILES = [5, 25, 50, 75, 90, 95, 97.5, 99, 99.5, 99.9];

/** Up to the last percentile that a single run can state. */
export function latencySpread(pairs: readonly Pair[]): LatencySpread[] {
  return spreadOf(pairs, ({ latencyMs }) => latencyMs.histogram);
}

/** Empty where messages have no keys. */
export function stalenessSpread(pairs: readonly Pair[]): LatencySpread[] {
  return spreadOf(pairs, ({ staleness }) => staleness?.histogram ?? '');
}

function spreadOf(pairs: readonly Pair[], histogramOf: (result: Result) => string): LatencySpread[] {
  const runs = { base: histograms(pairs, 'base', histogramOf), head: histograms(pairs, 'head', histogramOf) };
  return PERCENTILES.flatMap((percentile) => {
    const [base, head] = [quartiles(runs.base, percentile), quartiles(runs.head, percentile)];
    return base === null || head === null ? [] : [{ percentile, base, head }];
  });
}

interface RunLatency {
  readonly histogram: ReturnType<typeof decodeHistogram>;
  readonly published: number;
}

function histograms(pairs: readonly Pair[], side: keyof Pair, histogramOf: (result: Result) => string): RunLatency[] {
  const timed = pairs.map((pair) => pair[side].result).filter((result) => whyUntimed(result) === undefined);
  return timed.map((result) => ({ histogram: decodeHistogram(histogramOf(result)), published: result.published }));
}

function quartiles(runs: readonly RunLatency[], percentile: number): [number, number, number] | null {
  const values = runs.flatMap(({ histogram, published }) => {
    const isStated = statesPercentile(histogram.totalCount, published, percentile);
    return isStated ? (percentileMs(histogram, percentile) ?? []) : [];
  });
  if (values.length < runs.length * 0.8 || values.length === 0) return null;
  const sorted = Float64Array.from(values).sort();
  return [quantile(sorted, 0.25), quantile(sorted, 0.5), quantile(sorted, 0.75)];
}

const [WIDTH, HEIGHT] = [720, 240];
const PLOT = { left: 104, right: 700, top: 12, bottom: 208 };

/** The curves of both sides with their quartiles as bands, both axes logarithmic. `what`: "Latency". */
export function spreadPlot(what: string, spread: readonly LatencySpread[]): Markup {
  if (spread.length < 3) return html``;
  const all = spread.flatMap(({ base, head }) => [...base, ...head]).filter((ms) => ms > 0);
  const [low, high] = [Math.log(Math.min(...all) / 1.1), Math.log(Math.max(...all) * 1.1)];
  const nines = (percentile: number): number => -Math.log10(1 - percentile / 100);
  const last = nines((spread.at(-1) as LatencySpread).percentile);
  const x = (percentile: number): number => round(PLOT.left + (nines(percentile) / last) * (PLOT.right - PLOT.left));
  const y = (ms: number): number =>
    round(PLOT.bottom - ((Math.log(ms) - low) / (high - low)) * (PLOT.bottom - PLOT.top));
  const path = (side: 'base' | 'head', at: 0 | 1 | 2): [number, number][] =>
    spread.map((one) => [x(one.percentile), y(Math.max(one[side][at], 1e-3))]);
  const points = (path: readonly (readonly [number, number])[]): string =>
    path.map((point) => point.join(',')).join(' ');
  const curves = (['base', 'head'] as const).map(
    (
      side,
      i,
    ) => html`<g class="c${i}"><polygon class="quartiles" points="${points([...path(side, 2), ...path(side, 0).reverse()])}"/>
<polyline class="median ${side}" points="${points(path(side, 1))}"/></g>`,
  );
  const grid = msTicks(Math.exp(low), Math.exp(high)).map(
    (ms) =>
      html`<line class="tick" x1="${PLOT.left}" x2="${PLOT.right}" y1="${y(ms)}" y2="${y(ms)}"/><text class="end" x="${PLOT.left - 6}" y="${y(ms) + 4}">${formatMs(ms)}</text>`,
  );
  const marks = [50, 90, 99, 99.9]
    .filter((percentile) => nines(percentile) <= last + 1e-9)
    .map((percentile) =>
      // Centred on the border it would be cut off on a phone, where letters are larger.
      x(percentile) < PLOT.right - 1
        ? html`<text x="${x(percentile)}" y="${PLOT.bottom + 18}">p${percentile}</text>`
        : html`<text class="end" x="${WIDTH - 2}" y="${PLOT.bottom + 18}">p${percentile}</text>`,
    );
  return html`<figure class="wide spread"><figcaption><h3>${what} by percentile (open loop)</h3>
<p>The median of the runs, and between their quartiles shaded: half of the runs lie there. Where the shades overlap, it does not tell the sides apart.</p>
<p class="key"><span><i class="swatch c0"></i>base</span><span><i class="swatch c1 dashed"></i>head</span></p></figcaption>
<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${what} by percentile of base and head">${grid}${marks}${curves}</svg></figure>`;
}

/** Ticks at 1, 2 and 5 of each decade, at the decades alone where that would be more than eight ticks, and at even
 *  distances where it would be less than three. */
export function msTicks(low: number, high: number): number[] {
  const ticks: number[] = [];
  for (let decade = 10 ** Math.floor(Math.log10(low)); decade <= high; decade *= 10) {
    ticks.push(...[1, 2, 5].map((one) => one * decade).filter((one) => one >= low && one <= high));
  }
  if (ticks.length < 3) return evenTicks(low, high);
  return ticks.length <= 8 ? ticks : ticks.filter((one) => Number.isInteger(Math.log10(one)));
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

/** Of what spans less than a decade: two to five, at multiples of 1, 2 or 5 times a power of ten. */
function evenTicks(low: number, high: number): number[] {
  const power = 10 ** Math.floor(Math.log10((high - low) / 2));
  const step = [1, 2, 5, 10].map((one) => one * power).find((one) => (high - low) / one <= 5) ?? 10 * power;
  const ticks: number[] = [];
  for (let n = Math.ceil(low / step); n * step <= high; n++) ticks.push(Number((n * step).toPrecision(6)));
  return ticks;
}
