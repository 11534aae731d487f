// What a comparison looks at, and how each figure comes out of one run.

import type { Capacity } from '../load/closed-loop.js';
import { enoughSamples } from '../measure/histogram.js';
import type { Result } from '../result/result.js';
import { publishesFor } from '../result/validity.js';
import type { MetricName } from './budget.js';
import { median, ratioOrNull } from './interval.js';

/** One run of one side: an open-loop run, and the closed loop that followed on the same server. */
export interface Run {
  readonly result: Result;
  readonly capacity: MeasuredCapacity | null;
}

/** A closed loop, with what `perf` counted of the server meanwhile. */
export interface MeasuredCapacity extends Capacity {
  /** In user space; null where perf cannot count them. */
  readonly instructionsPerDelivery: number | null;
  /** In the kernel on the server's behalf; null where perf may not count them. */
  readonly kernelInstructionsPerDelivery?: number | null;
}

export interface Pair {
  readonly base: Run;
  readonly head: Run;
}

/** Which part of a run a figure is from: connections being opened, the open loop (messages at a fixed rate) or the
 *  closed loop (the server is never idle). */
export type Loop = 'connecting' | 'open loop' | 'closed loop';

export interface Metric {
  readonly name: MetricName;
  readonly label: string;
  readonly unit: 'ms' | '/s' | 'CPU s per million' | 'instructions' | 'bytes';
  readonly moreIsBetter: boolean;
  readonly loop: Loop;
  /** Null when the run has none. */
  figure(run: Run): number | null;
}

/** A percentile of the run's own latencies. Two runs of a pair have the same minute of the machine; merging the runs of
 *  many minutes gave an interval as wide (±14 % against ±15 % over 30 pairs of equal builds), and no ratio that could
 *  be drawn pair by pair. */
function percentile(name: 'p50' | 'p99' | 'p999', at: number): Metric {
  return {
    name,
    label: `latency p${at}`,
    unit: 'ms',
    moreIsBetter: false,
    loop: 'open loop',
    figure: ({ result }) => (statesPercentile(result.delivered, result.published, at) ? result.latencyMs[name] : null),
  };
}

/** Whether so many deliveries of so many messages can state a percentile (0 to 100) at all. */
export function statesPercentile(deliveries: number, published: number, at: number): boolean {
  return enoughSamples(deliveries, at) && published >= publishesFor(at);
}

export const METRICS: readonly Metric[] = [
  percentile('p50', 50),
  percentile('p99', 99),
  percentile('p999', 99.9),
  {
    name: 'throughput',
    label: 'deliveries/s at saturation',
    unit: '/s',
    moreIsBetter: true,
    loop: 'closed loop',
    figure: (run) => run.capacity?.deliveriesPerSecond ?? null,
  },
  {
    name: 'cpu',
    label: 'server CPU per million deliveries',
    unit: 'CPU s per million',
    moreIsBetter: false,
    loop: 'closed loop',
    figure: (run) => finite(run.capacity?.cpuPerMillion ?? run.result.server?.cpuPerMillionDeliveries),
  },
  {
    name: 'instructions',
    label: 'server instructions per delivery',
    unit: 'instructions',
    moreIsBetter: false,
    loop: 'closed loop',
    figure: (run) => run.capacity?.instructionsPerDelivery ?? null,
  },
  {
    name: 'kernel',
    label: 'kernel instructions per delivery',
    unit: 'instructions',
    moreIsBetter: false,
    loop: 'closed loop',
    figure: (run) => run.capacity?.kernelInstructionsPerDelivery ?? null,
  },
  {
    name: 'rss',
    label: 'RSS per connection',
    unit: 'bytes',
    moreIsBetter: false,
    loop: 'connecting',
    figure: (run) => run.result.server?.rssPerConnection ?? null,
  },
  {
    name: 'connect',
    label: 'connect time p50',
    unit: 'ms',
    moreIsBetter: false,
    loop: 'connecting',
    figure: (run) => run.result.connections.connectMs.p50,
  },
];

export function metricNamed(name: MetricName): Metric {
  return METRICS.find((metric) => metric.name === name) as Metric;
}

/** Which loop `metric` is from in runs whose closed loop lasts `capacityMs`: without one, CPU is that of the open
 *  loop. */
export function loopOf(metric: Metric, capacityMs: number): Loop {
  return metric.loop === 'closed loop' && capacityMs === 0 ? 'open loop' : metric.loop;
}

/** Head over base of one pair; null where a run has no figure. */
export function ratioOf(metric: Metric, { base, head }: Pair): number | null {
  return ratioOrNull(metric.figure(base), metric.figure(head));
}

/** The median of one side's runs. */
export function typical(metric: Metric, pairs: readonly Pair[], side: keyof Pair): number | null {
  return median(pairs.flatMap((pair) => metric.figure(pair[side]) ?? []));
}

function finite(value: number | null | undefined): number | null {
  return typeof value === 'number' && Number.isFinite(value) ? value : null;
}
