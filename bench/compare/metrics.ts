// What a comparison looks at, and how each figure comes out of pairs of runs.

import type { Capacity } from '../load/closed-loop.js';
import { enoughSamples } from '../measure/histogram.js';
import type { Result } from '../result/result.js';
import type { MetricName } from './budget.js';
import { type CumulativeLatency, mergedPercentileUs, totalLatencies } from './cumulative-latency.js';
import { ratioOrNull, trimmedMeanRatio, trimPairs } from './interval.js';

/** One run of one side: an open-loop run, and the closed loop that followed on the same server. */
export interface Run {
  readonly result: Result;
  readonly latency: CumulativeLatency;
  readonly capacity: MeasuredCapacity | null;
}

/** A closed loop, with what `perf` counted of the server meanwhile. */
export interface MeasuredCapacity extends Capacity {
  /** In user space; null where perf cannot count them. */
  readonly instructionsPerDelivery: number | null;
}

export interface Pair {
  readonly base: Run;
  readonly head: Run;
}

export interface Metric {
  readonly name: MetricName;
  readonly label: string;
  readonly unit: 'ms' | '/s' | 'CPU s per million' | 'instructions' | 'bytes';
  readonly moreIsBetter: boolean;
  /** The figure of one side over its runs; null when it was not measured. */
  value(pairs: readonly Pair[], side: keyof Pair): number | null;
  /** Head over base for a (re)sample of pairs. */
  ratio(pairs: readonly Pair[]): number | null;
}

/** A percentile of the latencies of many runs, their histograms merged: of those pairs that are left when the fifth whose own
 *  ratios lie furthest out on either side is not counted. Merged over all pairs, one run of thirty that a neighbour disturbed took
 *  p99's interval from ±15 % to −3 … +215 % for two equal builds. Trimmed, its interval over 30 pairs was ±14 % in the median of 20
 *  comparisons of a build with itself (±26 % untrimmed, ±15 % by the mean of the pairs' own ratios), p99.9's ±32 % (±53 %). */
function percentile(name: MetricName, at: number): Metric {
  const of = (runs: readonly Run[]): number | null =>
    mergedPercentileUs(
      runs.map((run) => run.latency),
      at,
    );
  const kept = (pairs: readonly Pair[]): readonly Pair[] | null =>
    trimPairs(pairs, ({ base, head }) => ratioOrNull(of([base]), of([head])));
  const value = (pairs: readonly Pair[] | null, side: keyof Pair): number | null => {
    const runs = pairs?.map((pair) => pair[side]) ?? [];
    const us = enoughSamples(totalLatencies(runs.map((run) => run.latency)), at) ? of(runs) : null;
    return us === null ? null : us / 1000;
  };
  return {
    name,
    label: `latency p${at}`,
    unit: 'ms',
    moreIsBetter: false,
    value: (pairs, side) => value(kept(pairs), side),
    ratio: (pairs) => {
      const trimmed = kept(pairs);
      return ratioOrNull(value(trimmed, 'base'), value(trimmed, 'head'));
    },
  };
}

/** Figures that a run gives one of: compared pair by pair, since both runs of a pair had the same minute of the machine. */
function perRun(
  name: MetricName,
  label: string,
  unit: Metric['unit'],
  moreIsBetter: boolean,
  figure: (run: Run) => number | null,
): Metric {
  return {
    name,
    label,
    unit,
    moreIsBetter,
    value: (pairs, side) => median(pairs.flatMap((pair) => figure(pair[side]) ?? [])),
    ratio: (pairs) => trimmedMeanRatio(pairs, ({ base, head }) => ratioOrNull(figure(base), figure(head))),
  };
}

/** CPU of a delivery: of the closed loop where it ran (its server is always busy, so the figure is the quieter), else of the
 *  open-loop run. */
function cpuOf(run: Run): number | null {
  const closed = run.capacity?.cpuPerMillion;
  if (closed !== undefined && Number.isFinite(closed)) return closed;
  return run.result.server?.cpuPerMillionDeliveries ?? null;
}

export const METRICS: readonly Metric[] = [
  percentile('p50', 50),
  percentile('p99', 99),
  percentile('p999', 99.9),
  perRun('throughput', 'deliveries/s at saturation', '/s', true, (run) => run.capacity?.deliveriesPerSecond ?? null),
  perRun('cpu', 'server CPU per million deliveries', 'CPU s per million', false, cpuOf),
  perRun(
    'instructions',
    'server instructions per delivery',
    'instructions',
    false,
    (run) => run.capacity?.instructionsPerDelivery ?? null,
  ),
  perRun('rss', 'RSS per connection', 'bytes', false, (run) => run.result.server?.rssPerConnection ?? null),
  perRun('connect', 'connect time p50', 'ms', false, (run) => run.result.connections.connectMs.p50),
];

export function median(values: readonly number[]): number | null {
  if (values.length === 0) return null;
  const sorted = [...values].sort((a, b) => a - b);
  const mid = sorted.length >> 1;
  const upper = sorted[mid] as number;
  return sorted.length % 2 === 1 ? upper : ((sorted[mid - 1] as number) + upper) / 2;
}
