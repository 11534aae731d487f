// What happened between two answers of /stats, as rates. Pure, and tested without a browser.
import { BUCKET_BOUNDS, type DistributionCounts } from '../../relay/watch/distribution.js';
import type { RelayStats } from '../../relay/watch/stats.js';
import type { StatsReport } from '../stats-report.js';

/** One relay or worker over one interval. Rates are null where there is nothing to compare with. */
export interface Flow {
  readonly connections: number;
  readonly topics: number;
  readonly lagging: number;
  readonly loopLagMs: number;
  readonly publishedPerS: number | null;
  readonly deliveredPerS: number | null;
  readonly bytesInPerS: number | null;
  readonly bytesOutPerS: number | null;
  readonly droppedPerS: number | null;
  readonly conflatedPerS: number | null;
  readonly slowPerS: number | null;
}

export interface Sample extends Flow {
  /** Unix time in s, by the relay's clock. */
  readonly t: number;
  readonly cpuCores: number | null;
  readonly rssBytes: number;
  readonly heapUsedBytes: number;
  /** Publish to flush; null where nothing was published. */
  readonly p50Ms: number | null;
  readonly p99Ms: number | null;
  /** Messages to and from other nodes; null without --cluster. */
  readonly forwardedPerS: number | null;
  readonly receivedPerS: number | null;
  readonly workers: readonly WorkerFlow[];
}

export interface WorkerFlow extends Flow {
  readonly worker: number;
  readonly p99Ms: number | null;
}

/** One in 64 publishes is timed: with fewer observations than this, a percentile looks back further, up to
 *  LOOK_BACK_MS. */
const ENOUGH_OBSERVATIONS = 20;
const LOOK_BACK_MS = 10_000;

/** Turns answers of /stats into samples. It remembers those of the last ten seconds. */
export class Sampler {
  private earlier: StatsReport[] = [];

  /** The sample that ends with `report`. */
  next(report: StatsReport): Sample {
    const nowMs = Date.parse(report.now);
    const before = this.earlier.at(-1);
    // Another process: its counts begin at 0.
    if (before !== undefined && (before.pid !== report.pid || before.startedAt !== report.startedAt)) this.earlier = [];
    this.earlier = this.earlier.filter((each) => nowMs - Date.parse(each.now) <= LOOK_BACK_MS);
    const sample = this.compare(report, this.earlier.at(-1), nowMs / 1000);
    this.earlier.push(report);
    return sample;
  }

  private compare(now: StatsReport, before: StatsReport | undefined, t: number): Sample {
    const seconds = before === undefined ? 0 : t - Date.parse(before.now) / 1000;
    const latency = recent(now.total.publishToFlushUs, this.earlier, ({ total }) => total.publishToFlushUs);
    return {
      t,
      ...flow(now.total, before?.total, seconds),
      cpuCores: rate(now.process.cpuS, before?.process.cpuS, seconds),
      rssBytes: now.process.rssBytes,
      heapUsedBytes: now.process.heapUsedBytes,
      p50Ms: milliseconds(percentile(latency, 0.5)),
      p99Ms: milliseconds(percentile(latency, 0.99)),
      forwardedPerS: now.cluster && rate(now.cluster.forwarded, before?.cluster?.forwarded, seconds),
      receivedPerS: now.cluster && rate(now.cluster.received, before?.cluster?.received, seconds),
      workers: now.workers.map((worker) => {
        const same = (report: StatsReport) => report.workers.find((each) => each.worker === worker.worker);
        const timed = recent(worker.publishToFlushUs, this.earlier, (report) => same(report)?.publishToFlushUs);
        const earlier = before && same(before);
        return {
          worker: worker.worker,
          ...flow(worker, earlier, seconds),
          p99Ms: milliseconds(percentile(timed, 0.99)),
        };
      }),
    };
  }
}

type SampledCounts = Omit<RelayStats, 'worker' | 'startedAtMs'>;

function flow(now: SampledCounts, before: SampledCounts | undefined, seconds: number): Flow {
  const per = (read: (counts: SampledCounts) => number) => rate(read(now), before && read(before), seconds);
  return {
    connections: now.connections,
    topics: now.topics,
    lagging: now.lagging,
    loopLagMs: now.loopLagMs,
    publishedPerS: per(({ published }) => published),
    deliveredPerS: per(({ delivered }) => delivered),
    bytesInPerS: per(({ publishedBytes }) => publishedBytes),
    bytesOutPerS: per(({ deliveredBytes }) => deliveredBytes),
    conflatedPerS: per(({ conflated }) => conflated),
    droppedPerS: per(({ dropped }) => dropped),
    slowPerS: per(({ slowConsumers }) => slowConsumers),
  };
}

function rate(now: number, before: number | undefined, seconds: number): number | null {
  return before === undefined || seconds <= 0 ? null : Math.max(0, now - before) / seconds;
}

/** What was observed since an earlier report: the latest that gives enough, else the earliest there is. */
function recent(
  now: DistributionCounts,
  earlier: readonly StatsReport[],
  read: (report: StatsReport) => DistributionCounts | undefined,
): readonly number[] {
  let since: readonly number[] = [];
  for (const report of earlier.toReversed()) {
    const { counts } = read(report) ?? { counts: [] };
    since = now.counts.map((count, i) => Math.max(0, count - (counts[i] ?? 0)));
    if (since.reduce((all, each) => all + each, 0) >= ENOUGH_OBSERVATIONS) break;
  }
  return since;
}

/**
 * The value below which a share of all observations lies, by linear interpolation within its bucket; null of none.
 * Buckets double, so that a value may be off by as much as its bucket is wide. Beyond the last bound: that bound.
 */
export function percentile(counts: readonly number[], share: number): number | null {
  const total = counts.reduce((all, each) => all + each, 0);
  if (total === 0) return null;
  const rank = share * total;
  let passed = 0;
  for (const [i, count] of counts.entries()) {
    if (count > 0 && passed + count >= rank) {
      const low = i === 0 ? 0 : (BUCKET_BOUNDS[i - 1] as number);
      return low + ((BUCKET_BOUNDS[i] ?? low) - low) * ((rank - passed) / count);
    }
    passed += count;
  }
  return BUCKET_BOUNDS.at(-1) ?? null;
}

function milliseconds(us: number | null): number | null {
  return us === null ? null : us / 1000;
}
