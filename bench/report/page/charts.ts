// Runs in the report page: draws every chart with uPlot, with tooltips, a log switch, and colours of the reader's
// theme. html.ts inlines this file with what it imports.

import type uPlotClass from 'uplot';
import { cssColor, FONT, tooltip, trimZeros, Y_AXIS_WIDTH } from '../../../src/base/page/browser/chart-parts.js';
import {
  formatBytes,
  formatCores,
  formatCount,
  formatMs,
  formatNumber,
  formatRate,
} from '../../../src/base/page/format.js';
import type { Chart, Unit } from '../chart.js';

declare const uPlot: typeof uPlotClass;
type Plot = uPlotClass;

const FORMAT: Record<Unit, (value: number) => string> = {
  ms: formatMs,
  rate: formatRate,
  cores: formatCores,
  bytes: formatBytes,
  count: formatCount,
};
const X_AXIS_HEIGHT = 28;
/** Half of the last step's name lies right of its tick. */
const STEP_TEXT_BEYOND = 36;
/** A series whose first point is at most this late is drawn from zero on. */
const FIRST_INTERVAL_S = 2;
const PERCENTILE_TICKS = [1, 2, 4, 10, 100, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8];

/** 1/(1-p) → "99.9 %". */
function percentileText(inverse: number): string {
  const nines = Math.max(0, Math.round(Math.log10(inverse)) - 2);
  const percent = 100 * (1 - 1 / inverse);
  const exact = PERCENTILE_TICKS.includes(inverse);
  return `${percent.toFixed(exact ? nines : Math.max(1, nines + 1))} %`;
}

function xText(chart: Chart, value: number): string {
  if (chart.x === 'percentile') return percentileText(value);
  if (chart.x === 'time') return `${trimZeros(formatNumber(value))} s`;
  return chart.names?.[chart.lines[0]?.x.indexOf(value) ?? -1] ?? formatCount(value);
}

/** A value beside an axis: no zeros that say nothing, and no unit where the chart's note has it. */
function axisText(unit: Unit, value: number): string {
  const text = unit === 'cores' ? formatNumber(value) : FORMAT[unit](value);
  return trimZeros(text);
}

/** Every line of the chart on one x axis; points that only another line has are skipped, gaps stay gaps. */
function joined(chart: Chart): uPlotClass.AlignedData {
  const tables = chart.lines.map((line) => [line.x, line.y] as unknown as uPlotClass.AlignedData);
  return tables.length === 1 && tables[0] ? tables[0] : uPlot.join(tables);
}

function options(chart: Chart, width: number, height: number, logY: boolean): uPlotClass.Options {
  const muted = cssColor('--muted');
  const grid = { stroke: cssColor('--line'), width: 1 };
  const axis = { stroke: muted, font: FONT, labelFont: FONT, grid, ticks: { ...grid, size: 4 } };
  const logX = chart.x !== 'time';
  const xAxis: uPlotClass.Axis = {
    ...axis,
    size: X_AXIS_HEIGHT,
    space: 56,
    values: (_plot, splits) => splits.map((value) => (value === null ? '' : xText(chart, value))),
  };
  if (chart.x === 'percentile') {
    xAxis.splits = (_plot, _axis, low, high) => PERCENTILE_TICKS.filter((tick) => tick >= low && tick <= high * 1.001);
    xAxis.filter = (plot, splits) => withRoom(plot, splits);
  }
  if (chart.x === 'step') {
    xAxis.splits = () => [...(chart.lines[0]?.x ?? [])];
    xAxis.filter = (plot, splits) => withRoom(plot, splits);
  }
  return {
    width,
    height,
    padding: [null, chart.x === 'step' ? STEP_TEXT_BEYOND : null, null, null],
    legend: { show: false },
    cursor: {
      y: false,
      points: { size: 7 },
      ...(chart.x === 'time' && { sync: { key: chart.id.replace(/-[^-]*$/, '') } }),
    },
    scales: {
      x: { time: false, distr: logX ? 3 : 1, log: 10, range: logX ? tightRange : fromZero },
      y: logY ? { distr: 3, log: 10 } : { range: (_plot, _low, high) => [0, high > 0 ? high * 1.08 : 1] },
    },
    axes: [
      xAxis,
      {
        ...axis,
        size: Y_AXIS_WIDTH,
        space: 36,
        values: (_plot, splits) => splits.map((value) => (value === null ? '' : axisText(chart.unit, value))),
      },
    ],
    series: [
      {},
      ...chart.lines.map((line) => ({
        label: line.label,
        stroke: cssColor(`--c${line.color}`),
        width: 2,
        ...(line.dashed && { dash: [4, 4] }),
        points: { show: chart.x === 'step' },
      })),
    ],
    ...(chart.measuredFrom !== undefined && { hooks: { drawAxes: [shadeUntil(chart.measuredFrom)] } }),
    plugins: [tooltip(chart.lines, (x) => xText(chart, x), FORMAT[chart.unit])],
  };
}

/** Shades what came before the measured time: its curve is no result. */
function shadeUntil(seconds: number): (plot: Plot) => void {
  return (plot) => {
    const { left, top, width, height } = plot.bbox;
    const to = Math.min(left + width, Math.max(left, plot.valToPos(seconds, 'x', true)));
    plot.ctx.save();
    plot.ctx.fillStyle = cssColor('--muted');
    plot.ctx.globalAlpha = 0.12;
    plot.ctx.fillRect(left, top, to - left, height);
    plot.ctx.restore();
  };
}

function tightRange(_plot: Plot, low: number, high: number): [number, number] {
  return [low, high > low ? high : low * 10];
}

function fromZero(_plot: Plot, low: number, high: number): [number, number] {
  // Zoomed by dragging: `low` is where the reader began.
  return [low <= FIRST_INTERVAL_S ? 0 : low, high];
}

/** Leaves out a tick whose text would run into the one before it. */
function withRoom(plot: Plot, splits: number[]): (number | null)[] {
  let lastX = Number.NEGATIVE_INFINITY;
  return splits.map((value) => {
    const x = plot.valToPos(value, 'x');
    if (x - lastX < 58) return null;
    lastX = x;
    return value;
  });
}

function draw(chart: Chart): void {
  const place = document.getElementById(chart.id);
  if (!place) return;
  const toggle = document.querySelector<HTMLButtonElement>(`button[data-chart="${chart.id}"]`);
  let logY = false;
  let plot: Plot | undefined;
  const size = () => ({ width: place.clientWidth, height: place.clientHeight });
  const redraw = () => {
    plot?.destroy();
    const { width, height } = size();
    plot = new uPlot(options(chart, width, height, logY), joined(chart), place);
  };
  toggle?.addEventListener('click', () => {
    logY = !logY;
    toggle.setAttribute('aria-pressed', String(logY));
    redraw();
  });
  redraw();
  new ResizeObserver(() => plot?.setSize(size())).observe(place);
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', redraw);
}

const charts: Chart[] = JSON.parse(document.getElementById('charts')?.textContent ?? '[]');
for (const chart of charts) draw(chart);
