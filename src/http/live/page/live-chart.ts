// One figure of the page: what it is now as a big number, and how it came there as lines over time.
import type uPlotClass from 'uplot';
import { cssColor, FONT, type TipLine, tooltip, trimZeros } from '../../../base/page/browser/chart-parts.js';
import { element, setText } from './element.js';

declare const uPlot: typeof uPlotClass;

export interface LiveLine<Point> extends TipLine {
  readonly read: (point: Point) => number | null | undefined;
}

export interface LiveFigure<Point> {
  readonly title: string;
  /** What the number beside the title says; the first line's value unless given. */
  readonly headline?: (point: Point) => string;
  readonly format: (value: number) => string;
  readonly lines: readonly LiveLine<Point>[];
}

/** All charts move their cursors together. */
const SYNC = 'fanwire';
const NARROW_Y_AXIS = 54;
const X_AXIS_HEIGHT = 24;
/** So much of the last time's text lies right of its tick, px. */
const HALF_OF_A_TIME = 26;
const clock = new Intl.DateTimeFormat(undefined, {
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  hour12: false,
});

export function timeOfDay(unixS: number): string {
  return clock.format(unixS * 1000);
}

export class LiveChart<Point extends { readonly t: number }> {
  readonly root: HTMLElement;
  private readonly number = element('output', '');
  private readonly place = element('div', 'chart');
  private plot: uPlotClass | undefined;
  private points: readonly Point[] = [];
  private from = 0;
  private to = 1;

  constructor(private readonly figure: LiveFigure<Point>) {
    const key = element('div', 'key');
    for (const { label, color, dashed } of figure.lines) {
      key.append(element('span', `c${color}`, element('i', `swatch${dashed ? ' dashed' : ''}`), label));
    }
    const caption = element('figcaption', '', element('h3', '', figure.title));
    if (figure.lines.length > 1) caption.append(key);
    caption.append(this.number);
    this.root = element('figure', '', caption, this.place);
    new ResizeObserver(() => this.plot?.setSize(this.size())).observe(this.place);
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.redraw());
  }

  /** Draws `points`, of which the last is now, from `from` to `to` (Unix time in s). */
  show(points: readonly Point[], from: number, to: number): void {
    Object.assign(this, { points, from, to });
    const last = points.at(-1);
    if (last !== undefined) setText(this.number, this.headline(last));
    if (this.plot === undefined) this.redraw();
    else this.plot.setData(this.table());
  }

  private headline(point: Point): string {
    if (this.figure.headline !== undefined) return this.figure.headline(point);
    const value = this.figure.lines[0]?.read(point);
    return value === null || value === undefined ? '–' : this.figure.format(value);
  }

  private table(): uPlotClass.AlignedData {
    const values = this.figure.lines.map(({ read }) => this.points.map((point) => read(point) ?? null));
    return [this.points.map(({ t }) => t), ...values];
  }

  private size(): { width: number; height: number } {
    return { width: this.place.clientWidth, height: this.place.clientHeight };
  }

  private redraw(): void {
    this.plot?.destroy();
    this.plot = new uPlot(this.options(), this.table(), this.place);
  }

  private options(): uPlotClass.Options {
    const { format, lines } = this.figure;
    const grid = { stroke: cssColor('--line'), width: 1 };
    const axis = { stroke: cssColor('--muted'), font: FONT, grid, ticks: { ...grid, size: 4 } };
    return {
      ...this.size(),
      padding: [8, HALF_OF_A_TIME, 0, 0],
      legend: { show: false },
      cursor: { y: false, points: { size: 6 }, drag: { x: false, y: false }, sync: { key: SYNC } },
      scales: {
        x: { time: false, range: () => [this.from, this.to] },
        y: { range: (_plot, _low, high) => [0, high > 0 ? high * 1.1 : 1] },
      },
      axes: [
        {
          ...axis,
          size: X_AXIS_HEIGHT,
          space: 84,
          incrs: [5, 10, 15, 30, 60, 120, 300, 600],
          values: (_plot, splits) => splits.map(timeOfDay),
        },
        {
          ...axis,
          size: NARROW_Y_AXIS,
          space: 28,
          values: (_plot, splits) => {
            const labels = splits.map((value) => trimZeros(format(value)).replace(' cores', '').replace('/s', ''));
            // Half a connection is written as one: of two equal labels the upper is the right one.
            return labels.map((label, i) => (label === labels[i + 1] ? '' : label));
          },
        },
      ],
      series: [
        {},
        ...lines.map(({ label, color, dashed }) => ({
          label,
          stroke: cssColor(`--c${color}`),
          width: 1.75,
          ...(dashed && { dash: [4, 4] }),
          ...(lines.length === 1 && { fill: `${cssColor(`--c${color}`)}22` }),
          points: { show: false },
        })),
      ],
      plugins: [tooltip(lines, timeOfDay, format)],
    };
  }
}
