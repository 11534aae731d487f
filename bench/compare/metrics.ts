// What a comparison looks at, and how each figure comes out of one run.

import type { Capacity } from '../load/closed-loop.js';
import { decodeHistogram, enoughSamples } from '../measure/histogram.js';
import { median } from '../measure/median.js';
import type { Result } from '../result/result.js';
import { publishesFor } from '../result/validity.js';
import { ratioOrNull } from './interval.js';
import { whyUntimed } from './valid-run.js';

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
export type LoopName = 'connecting' | 'open loop' | 'closed loop';

/** What must be so for a metric to have a figure at all; gates.ts knows when it is not. */
export type Need =
  | 'messages'
  | 'keys'
  | 'process'
  | 'loop'
  | 'messages or loop'
  | 'no TLS'
  | 'instructions'
  | 'kernel instructions';

interface Declared {
  readonly label: string;
  readonly unit: 'ms' | '/s' | 'CPU s per million' | 'instructions' | 'bytes';
  readonly moreIsBetter: boolean;
  readonly loop: LoopName;
  /** How much worse it may get where nothing else is said, as a fraction of the base's. */
  readonly budget: number;
  readonly needs: readonly Need[];
  /** The percentile (0 to 100) that it is. */
  readonly percentile?: number;
  /** Null when the run has none. */
  figure(run: Run): number | null;
}

/** A percentile of one run's latencies. Both runs of a pair share a minute of the machine. Merging all runs of a
 *  side gave an interval just as wide (±14 % against ±15 % over 30 pairs of equal builds), and no ratio to draw for
 *  each pair. */
function percentile(name: 'p50' | 'p99' | 'p999', at: number, budget: number): Declared {
  return {
    label: `latency p${at}`,
    unit: 'ms',
    moreIsBetter: false,
    loop: 'open loop',
    budget,
    needs: ['messages'],
    percentile: at,
    figure: ({ result }) =>
      whyUntimed(result) === undefined && statesPercentile(result.delivered, result.published, at)
        ? result.latencyMs[name]
        : null,
  };
}

/** All that there is to say of each metric, in the order of the reports. Budgets let equal builds through within five
 *  minutes: at three percent a pair, 97 of 100 with +5 % on a disturbed machine, and 59 with +3 % (simulated). Those of
 *  latency are one and a half spreads of a pair and more, as measured (`npm run calibrate -- --spreads`,
 *  docs/regression.md). */
const DECLARED = {
  p50: percentile('p50', 50, 0.3),
  p99: percentile('p99', 99, 0.75),
  p999: percentile('p999', 99.9, 1),
  staleness: {
    label: 'staleness p99',
    unit: 'ms',
    moreIsBetter: false,
    loop: 'open loop',
    budget: 0.2,
    needs: ['messages', 'keys'],
    percentile: 99,
    figure: ({ result }) => (whyUntimed(result) === undefined ? staleness(result) : null),
  },
  throughput: {
    label: 'deliveries/s at saturation',
    unit: '/s',
    moreIsBetter: true,
    loop: 'closed loop',
    budget: 0.07,
    needs: ['loop', 'no TLS'],
    figure: (run) => run.capacity?.deliveriesPerSecond ?? null,
  },
  cpu: {
    label: 'server CPU per million deliveries',
    unit: 'CPU s per million',
    moreIsBetter: false,
    loop: 'closed loop',
    budget: 0.05,
    needs: ['process', 'messages or loop'],
    figure: (run) => finite(run.capacity?.cpuPerMillion ?? run.result.server?.cpuPerMillionDeliveries),
  },
  instructions: {
    label: 'server instructions per delivery',
    unit: 'instructions',
    moreIsBetter: false,
    loop: 'closed loop',
    budget: 0.05,
    needs: ['loop', 'process', 'instructions'],
    figure: (run) => run.capacity?.instructionsPerDelivery ?? null,
  },
  kernel: {
    label: 'kernel instructions per delivery',
    unit: 'instructions',
    moreIsBetter: false,
    loop: 'closed loop',
    budget: 0.05,
    needs: ['loop', 'process', 'kernel instructions'],
    figure: (run) => run.capacity?.kernelInstructionsPerDelivery ?? null,
  },
  rss: {
    label: 'RSS per connection',
    unit: 'bytes',
    moreIsBetter: false,
    loop: 'connecting',
    budget: 0.1,
    needs: ['process'],
    figure: (run) => run.result.server?.rssPerConnection ?? null,
  },
  connect: {
    label: 'connect time p50',
    unit: 'ms',
    moreIsBetter: false,
    loop: 'connecting',
    budget: 0.25,
    needs: [],
    figure: ({ result }) => (whyUntimed(result) === undefined ? result.connections.connectMs.p50 : null),
  },
} satisfies Readonly<Record<string, Declared>>;

/** What the verdict depends on unless --budget names other metrics: what moves with the code rather than with the
 *  machine. */
export const DEFAULT_GATES: readonly MetricName[] = ['cpu', 'throughput', 'instructions', 'p50', 'p99'];

export type MetricName = keyof typeof DECLARED;

export interface Metric extends Declared {
  readonly name: MetricName;
}

export const METRIC_NAMES = Object.keys(DECLARED) as [MetricName, ...MetricName[]];

export const METRICS: readonly Metric[] = METRIC_NAMES.map((name) => ({ name, ...DECLARED[name] }));

/** The p99 of how old the newest state of a key was. Windows conflate messages, so there are fewer samples than
 *  deliveries without one. */
function staleness({ staleness, published }: Result): number | null {
  if (staleness === undefined) return null;
  const { totalCount } = decodeHistogram(staleness.histogram);
  return statesPercentile(totalCount, published, 99) ? staleness.p99 : null;
}

/** Whether so many deliveries of so many messages can state a percentile (0 to 100) at all. */
export function statesPercentile(deliveries: number, published: number, at: number): boolean {
  return enoughSamples(deliveries, at) && published >= publishesFor(at);
}

export function metricNamed(name: MetricName): Metric {
  return METRICS.find((metric) => metric.name === name) as Metric;
}

/** Which loop `metric` is from in runs whose closed loop lasts `capacityMs`: without one, CPU is that of the open
 *  loop. */
export function loopOf(metric: Metric, capacityMs: number): LoopName {
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
