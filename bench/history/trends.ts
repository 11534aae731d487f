// The history as series, one a scenario and metric, with the changes of level in each; and one alert a change, however
// many metrics show it.

import { mulberry32 } from '../compare/interval.js';
import type { MetricName } from '../compare/metrics.js';
import { median } from '../measure/median.js';
import { type ChangePoint, changePoints, LONGEST } from './change-points.js';
import type { HistoryEntry } from './entry.js';

export interface TrendPoint {
  readonly at: string;
  readonly commit: string;
  readonly ratio: number;
  readonly low: number | null;
  readonly high: number | null;
}

/** A stretch of a series between two changes; `to` is exclusive. */
export interface Level {
  readonly from: number;
  readonly to: number;
  readonly ratio: number;
}

export interface Trend {
  readonly scenario: string;
  readonly metric: MetricName;
  readonly label: string;
  readonly moreIsBetter: boolean;
  readonly isGate: boolean;
  readonly points: readonly TrendPoint[];
  readonly changes: readonly ChangePoint[];
  readonly levels: readonly Level[];
}

export interface Alert {
  /** The last commit that was measured at the old level, and the first at the new one: the change is in between, or in
   *  the latter. */
  readonly after: string;
  readonly commit: string;
  readonly at: string;
  /** Whether the last entry alone made it known. */
  readonly isNew: boolean;
  readonly changes: readonly {
    readonly trend: Trend;
    /** New level over the old one. */
    readonly ratio: number;
    readonly isWorse: boolean;
    readonly p: number;
  }[];
}

/** The newest entry's anchor: only ratios to one and the same build are a series. */
export function newestAnchor(entries: readonly HistoryEntry[]): string | undefined {
  return entries.at(-1)?.anchor;
}

type Point = HistoryEntry['points'][number];

/** Series of `entries` (oldest first, of one anchor), in the order in which the newest entry has them; of each the
 *  newest points, as many as change points are looked for in.
 *  `isWanted`: of a metric's newest point. */
export function trendsOf(entries: readonly HistoryEntry[], isWanted: (newest: Point) => boolean = () => true): Trend[] {
  const series = new Map<string, { readonly newest: Point; readonly points: TrendPoint[] }>();
  for (const { at, commit, points } of [...entries].reverse()) {
    for (const point of points) {
      const key = `${point.scenario} ${point.metric}`;
      const own = series.get(key) ?? { newest: point, points: [] };
      series.set(key, own);
      const { ratio, low, high } = point;
      if (own.points.length < LONGEST) own.points.push({ at, commit, ratio, low, high });
    }
  }
  const wanted = [...series.values()].filter(({ newest }) => isWanted(newest));
  return wanted.map(({ newest, points: backwards }) => {
    const { scenario, metric, label, moreIsBetter, isGate } = newest;
    const points = backwards.reverse();
    const logs = points.map(({ ratio }) => Math.log(ratio));
    const changes = changePoints(logs, mulberry32(1));
    const borders = [0, ...changes.map(({ at }) => at), points.length];
    const levels = borders.slice(1).map((to, i) => {
      const from = borders[i] as number;
      return { from, to, ratio: Math.exp(median(logs.slice(from, to)) ?? 0) };
    });
    return { scenario, metric, label, moreIsBetter, isGate, points, changes, levels };
  });
}

/** One alert for each stretch of commits in which a metric that decides changed, the newest first. */
export function alertsOf(entries: readonly HistoryEntry[], trends = trendsOf(entries)): Alert[] {
  const before = new Set(alertRanges(trendsOf(entries.slice(0, -1), ({ isGate }) => isGate)).keys());
  return [...alertRanges(trends)]
    .map(([range, alert]) => ({ ...alert, isNew: !before.has(range) }))
    .sort((a, b) => (a.at < b.at ? 1 : -1));
}

function alertRanges(trends: readonly Trend[]): Map<string, Omit<Alert, 'isNew'>> {
  const alerts = new Map<string, Omit<Alert, 'isNew'>>();
  for (const trend of trends.filter(({ isGate }) => isGate)) {
    for (const [i, { at, p }] of trend.changes.entries()) {
      const [last, first] = [trend.points[at - 1] as TrendPoint, trend.points[at] as TrendPoint];
      const ratio = (trend.levels[i + 1] as Level).ratio / (trend.levels[i] as Level).ratio;
      const change = { trend, ratio, isWorse: trend.moreIsBetter ? ratio < 1 : ratio > 1, p };
      const range = `${last.commit}..${first.commit}`;
      const { changes } = alerts.get(range) ?? { changes: [] };
      alerts.set(range, { after: last.commit, commit: first.commit, at: first.at, changes: [...changes, change] });
    }
  }
  return alerts;
}
