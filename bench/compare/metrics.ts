// What a comparison looks at, and how each figure comes out of pairs of runs.

import type { Capacity } from '../closed-loop.js';
import type { Result } from '../result.js';
import type { MetricName } from './budget.js';
import { trimmedMeanRatio } from './interval.js';
import { type LatencyCounts, mergedPercentileUs } from './latency-counts.js';

/** One run of one side: an open-loop run, and the closed loop that followed on the same server. */
export interface Run {
  readonly result: Result;
  readonly latency: LatencyCounts;
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
  value(runs: readonly Run[]): number | null;
  /** Head over base for a (re)sample of pairs. */
  ratio(pairs: readonly Pair[]): number | null;
}

/** A percentile too far out for one run: that of all runs' latencies together. One disturbed run can move it, so it is no gate
 *  unless asked for. */
function mergedPercentile(name: MetricName, label: string, at: number): Metric {
  const of = (runs: readonly Run[]): number | null =>
    mergedPercentileUs(
      runs.map((run) => run.latency),
      at,
    );
  return {
    name,
    label,
    unit: 'ms',
    moreIsBetter: false,
    value: (runs) => {
      const us = of(runs);
      return us === null ? null : us / 1000;
    },
    ratio: (pairs) => {
      const [base, head] = [of(pairs.map((pair) => pair.base)), of(pairs.map((pair) => pair.head))];
      return base === null || head === null || base === 0 ? null : head / base;
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
    value: (runs) => median(runs.flatMap((run) => figure(run) ?? [])),
    ratio: (pairs) =>
      trimmedMeanRatio(
        pairs,
        (pair) => figure(pair.base),
        (pair) => figure(pair.head),
      ),
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
  perRun('p50', 'latency p50', 'ms', false, (run) => run.result.latencyMs.p50),
  // Merged over runs, one of thirty that a neighbour disturbed took the interval from ±15 % to −3 … +215 % (two equal builds).
  perRun('p99', 'latency p99', 'ms', false, (run) => run.result.latencyMs.p99),
  mergedPercentile('p999', 'latency p99.9', 99.9),
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
