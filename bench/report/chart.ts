// What the page draws: every chart of a group of results as plain numbers. Invalid runs give no latency and no rate.

import { decodeHistogram, enoughSamples, percentileMs } from '../measure/histogram.js';
import type { Result, SeriesPoint } from '../result/result.js';
import type { ScenarioGroup } from './grouping.js';
import { deliveryRates, hasGauge, wholeSeries } from './series.js';

export type Unit = 'ms' | 'rate' | 'cores' | 'bytes' | 'count';

export interface ChartLine {
  readonly label: string;
  /** Index into the page's palette of ten. */
  readonly color: number;
  readonly dashed: boolean;
  readonly x: readonly number[];
  /** null is a gap. */
  readonly y: readonly (number | null)[];
}

export interface Chart {
  readonly id: string;
  readonly title: string;
  /** One sentence that tells how to read it. */
  readonly note: string;
  /** x: 1 ÷ (1 − percentile) on a logarithmic axis, seconds since the run began, or a step's value. */
  readonly x: 'percentile' | 'time' | 'step';
  readonly unit: Unit;
  /** Text of each x of the first line, where a step has a name: "16 KiB". */
  readonly names?: readonly string[];
  readonly wide: boolean;
  /** Seconds before which nothing was measured: the ramp and the warm-up, which are shaded. */
  readonly measuredFrom?: number;
  readonly lines: readonly ChartLine[];
}

/** Colours --c0 to --c9 in src/base/page/base.css. */
const PALETTE = 10;
/** Fewer points over time than this make no curve. */
const FEWEST_POINTS = 5;
/** A value that moves by less than this part of itself counts as constant. */
const CONSTANT = 0.02;
const POINTS_PER_DECADE = 16;
/** With more results than this, medians would only hide the tails. */
const MOST_WITH_MEDIANS = 3;

/** The charts that the results of one scenario can fill, latency first. `prefix` makes their ids unique in the page. */
export function chartsOf(group: ScenarioGroup, prefix: string): Chart[] {
  const entries: Drawn[] = group.results.map((result, i) => ({
    result,
    label: group.labels[i] ?? '',
    color: colorOf(i),
  }));
  const valid = entries.filter((entry) => entry.result.valid);
  const charts: Chart[] = [
    byPercentile(valid, STALENESS),
    byPercentile(valid, LATENCY),
    stepLatency(valid),
    latencyOverTime(valid),
    overTime('rate', 'Deliveries per second', 'rate', 'Received by all subscribers.', valid, deliveryRates),
    overTime('cpu', 'Server CPU', 'cores', 'Cores in use: 1 is one core fully busy.', entries, gauge('serverCpu')),
    overTime('rss', 'Server memory', 'bytes', 'Resident set of the server process.', entries, gauge('serverRss')),
    overTime('ramp', 'Connections open', 'count', 'The connection ramp, then the run.', entries, gauge('connections')),
  ];
  const filled = charts.filter((chart) => chart.lines.length > 0);
  const measuredFrom = Math.min(
    ...group.results.map(({ phases }) => (phases?.measure ?? Number.POSITIVE_INFINITY) / 1000),
  );
  const odd = filled.filter((chart) => !chart.wide).length % 2 === 1;
  return filled.map((chart, i) => ({
    ...chart,
    ...(chart.x === 'time' && Number.isFinite(measuredFrom) && { measuredFrom }),
    id: `${prefix}-${chart.id}`,
    wide: chart.wide || (odd && i === filled.length - 1),
  }));
}

/** The palette's colour of the i-th result of a group, in charts and tables alike. */
export function colorOf(i: number): number {
  return i % PALETTE;
}

interface Drawn {
  readonly result: Result;
  readonly label: string;
  readonly color: number;
}

/** A distribution of a result. */
interface Curve {
  readonly id: string;
  readonly title: string;
  readonly note: string;
  readonly histogram: (result: Result) => string;
}

const LATENCY: Curve = {
  id: 'percentiles',
  title: 'Latency by percentile',
  note: 'From the moment a message was due to its arrival. Each further nine has the same width.',
  histogram: ({ latencyMs }) => latencyMs.histogram,
};

const STALENESS: Curve = {
  id: 'staleness',
  title: 'Staleness by percentile',
  note: 'How old the newest state of a key was that a subscriber had when the next one arrived.',
  histogram: ({ staleness }) => staleness?.histogram ?? '',
};

/** The usual HdrHistogram plot: x is 1/(1-p) on a log axis, so that each further nine gets the same width.
 *  It ends at the last percentile that has ten deliveries beyond it: further right is luck. */
function byPercentile(entries: readonly Drawn[], { id, title, note, histogram: of }: Curve): Chart {
  const lines = entries.flatMap(({ result, label, color }) => {
    const histogram = decodeHistogram(of(result));
    const x: number[] = [];
    const y: (number | null)[] = [];
    for (let i = 0; i <= 8 * POINTS_PER_DECADE; i++) {
      const inverse = 10 ** (i / POINTS_PER_DECADE);
      const percentile = 100 * (1 - 1 / inverse);
      if (!enoughSamples(histogram.totalCount, percentile)) break;
      x.push(inverse);
      y.push(percentileMs(histogram, percentile));
    }
    return x.length > 1 ? [{ label, color, dashed: false, x, y }] : [];
  });
  return { id, title, note, x: 'percentile', unit: 'ms', wide: true, lines };
}

function latencyOverTime(entries: readonly Drawn[]): Chart {
  const shown = entries.filter(({ result }) => hasGauge(result, 'p99') && wholeSeries(result).length >= FEWEST_POINTS);
  const both = shown.length <= MOST_WITH_MEDIANS;
  const lines = shown.flatMap(({ result, label, color }) => {
    const x = seconds(result);
    const name = (percentile: string) => (shown.length === 1 ? percentile : both ? `${label} ${percentile}` : label);
    const p99 = { label: name('p99'), color, dashed: false, x, y: wholeSeries(result).map((point) => point.p99) };
    const p50 = { label: name('p50'), color, dashed: true, x, y: wholeSeries(result).map((point) => point.p50) };
    return both ? [p99, p50] : [p99];
  });
  const note = both ? 'p99 solid, p50 dashed, of each interval.' : 'p99 of each interval.';
  return { id: 'latency', title: 'Latency over time', note, x: 'time', unit: 'ms', wide: false, lines };
}

function stepLatency(entries: readonly Drawn[]): Chart {
  const shown = entries.flatMap(({ result, label, color }) => {
    const steps = (result.steps ?? []).filter((step) => step.valid).sort((a, b) => a.value - b.value);
    return steps.length < 2 ? [] : [{ steps, label, color }];
  });
  const lines = shown.flatMap(({ steps, label, color }) => {
    const x = steps.map((step) => step.value);
    const name = (percentile: string) => (shown.length === 1 ? percentile : `${label} ${percentile}`);
    return [
      { label: name('p99'), color, dashed: false, x, y: steps.map((step) => step.p99) },
      { label: name('p50'), color, dashed: true, x, y: steps.map((step) => step.p50) },
    ];
  });
  const names = shown[0]?.steps.map((step) => step.label) ?? [];
  const note = 'p99 solid, p50 dashed, against what the steps varied.';
  return { id: 'steps', title: 'Latency by step', note, x: 'step', unit: 'ms', names, wide: true, lines };
}

function overTime(
  id: string,
  title: string,
  unit: Unit,
  note: string,
  entries: readonly Drawn[],
  values: (result: Result) => (number | null)[],
): Chart {
  const lines = entries.flatMap(({ result, label, color }) => {
    const y = values(result);
    return y.length >= FEWEST_POINTS && y.some((value) => value !== null && value > 0)
      ? [{ label, color, dashed: false, x: seconds(result), y }]
      : [];
  });
  const moving = lines.some(({ y }) => isMoving(y)) ? lines : [];
  return { id, title, note, x: 'time', unit, wide: false, lines: moving };
}

/** A constant needs no chart: it is a figure. */
function isMoving(y: readonly (number | null)[]): boolean {
  const known = y.filter((value) => value !== null);
  const most = Math.max(...known);
  return most - Math.min(...known) > CONSTANT * most;
}

function gauge(name: 'serverCpu' | 'serverRss' | 'connections'): (result: Result) => (number | null)[] {
  return (result) => wholeSeries(result).map((point: SeriesPoint) => point[name] ?? null);
}

function seconds(result: Result): number[] {
  return wholeSeries(result).map((point) => point.t / 1000);
}
