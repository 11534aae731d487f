// Decides whether a run's figures are the server's: they are not if the generator was the bottleneck or too little
// was measured.

import type { EngineReport } from '../engines/engine.js';
import { enoughSamples, percentileMs } from '../measure/histogram.js';
import type { Plan } from '../scenarios/scenario.js';

/** A process that used or waited for this much of a core counts as saturated. */
const BUSIEST_CORES = 0.9;
/** Slip and event-loop delay count once they are at least this large and … */
const DELAY_FLOOR_MS = 5;
/** … at least this share of the p99 latency, which they are part of. */
const DELAY_SHARE = 0.5;

/** Why figures must not be quoted, one sentence for each reason. */
export interface Doubts {
  /** The generator or the machine made latencies too long, and affected nothing else. */
  readonly delays: readonly string[];
  /** All other reasons: too little was measured, or what was measured is not the server. */
  readonly others: readonly string[];
}

/** Reasons not to quote the figures of `report`; if both lists are empty, they may be quoted. `percentile` is the
 *  highest one that the run must report. */
export function doubtsAbout(plan: Plan, report: EngineReport, percentile: number | undefined): Doubts {
  const isPublished = plan.rate > 0 && plan.publishers > 0;
  const delays = (isPublished ? [busy, slipped, delayed] : [busy]).flatMap((rule) => rule(report) ?? []);
  const few = isPublished ? (tooFew(report, percentile) ?? []) : [];
  const local = ranOut(report) ?? [];
  return {
    delays: [...delays, ...report.delayReasons],
    others: [...report.invalidReasons, local, few].flat(),
  };
}

/** Errors of connect() that this machine's limits on ports, files or memory cause, never the server. */
const OWN_LIMIT = /EADDRNOTAVAIL|EADDRINUSE|EMFILE|ENFILE|ENOBUFS|ENOMEM|too many open files|cannot assign requested/i;

/** Whether a connection that failed for `reason` says something about the server. */
export function isServersFault(reason: string): boolean {
  return !OWN_LIMIT.test(reason);
}

function ranOut({ connections }: EngineReport): string | undefined {
  const own = connections.failures.filter(({ reason }) => !isServersFault(reason));
  const [first] = own;
  if (first === undefined) return undefined;
  const failed = own.reduce((sum, { count }) => sum + count, 0);
  return `the generator ran out of ports or files: ${failed} connections failed with ${first.reason}`;
}

/** How many published messages `percentile` (0 to 100) needs, so that at least one lies beyond it. */
export function publishesFor(percentile: number): number {
  return Math.round(1 / (1 - percentile / 100));
}

function busy({ generator, extra }: EngineReport): string | undefined {
  if (generator.cpu < BUSIEST_CORES) return undefined;
  const waited = Number(extra.generatorWaitedForCore ?? 0);
  const shared = waited > 0.2 ? `; for ${percent(waited)} it waited for a core that another process had` : '';
  return `the generator was the bottleneck: its busiest process needed ${percent(generator.cpu)} of a core (limit ${percent(BUSIEST_CORES)})${shared}`;
}

function slipped(report: EngineReport): string | undefined {
  const { p99 } = report.generator.scheduleSlipMs;
  if (!outweighs(p99, report)) return undefined;
  return `the generator was the bottleneck: it sent messages ${ms(p99)} late (p99), which is ${share(p99, report)}`;
}

function delayed(report: EngineReport): string | undefined {
  const { p99 } = report.generator.eventLoopDelayMs;
  if (!outweighs(p99, report)) return undefined;
  return `the generator was the bottleneck: what it received waited up to ${ms(p99)} (p99) to be read, which is ${share(p99, report)}`;
}

function tooFew({ latencyUs, published }: EngineReport, percentile: number | undefined): string | undefined {
  if (percentile === undefined) return published === 0 ? 'too few published messages to say anything: 0' : undefined;
  const publishes = publishesFor(percentile);
  if (!enoughSamples(latencyUs.totalCount, percentile)) {
    return `too few deliveries to state a p${percentile}: ${latencyUs.totalCount} of ${publishes * 10} (ten must lie beyond it)`;
  }
  if (published >= publishes) return undefined;
  return `too few published messages to state a p${percentile}: ${published} of ${publishes} (the deliveries of one message are not independent)`;
}

/** Whether a delay of the generator is large, both absolutely and as a share of the measured latency. */
function outweighs(delayMs: number | null, report: EngineReport): boolean {
  if (delayMs === null || delayMs < DELAY_FLOOR_MS) return false;
  return delayMs >= DELAY_SHARE * (percentileMs(report.latencyUs, 99) ?? 0);
}

function share(delayMs: number | null, report: EngineReport): string {
  const p99 = percentileMs(report.latencyUs, 99);
  return p99 === null ? 'all there is' : `${percent((delayMs ?? 0) / p99)} of the latency's p99 (${ms(p99)})`;
}

function ms(value: number | null): string {
  return `${Number((value ?? 0).toPrecision(3))} ms`;
}

function percent(fraction: number): string {
  return `${Math.round(fraction * 100)} %`;
}
