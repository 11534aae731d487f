// What one relay (one worker) has done so far, as plain data that can cross threads and be added up.

import type { HistoryCounts } from '../history/history.js';
import { type Counts, type CutReason, countsBy, type RecoveryOutcome, type RejectReason } from './counters.js';
import type { DistributionCounts } from './distribution.js';

export interface RelayStats extends Counts {
  /** Which worker; 0 if there is only one. */
  readonly worker: number;
  /** When it started, as Unix time in ms: a worker that died was restarted, and its counts began at 0. */
  readonly startedAtMs: number;
  /** Sockets open now. */
  readonly connections: number;
  /** Handshakes under way: their token is being verified. */
  readonly handshakes: number;
  /** Topics with subscribers now. */
  readonly topics: number;
  /** Deliveries lost to slow consumers (drop mode), including those that still lag. */
  readonly dropped: number;
  /** Sockets that are off their topics now, since they were too slow. */
  readonly lagging: number;
  /** Messages that were not accepted from publishers, by reason. */
  readonly rejected: Readonly<Record<RejectReason, number>>;
  /** Sockets closed for what they did, by reason. */
  readonly cut: Readonly<Record<CutReason, number>>;
  /** Upgrades and requests refused, by stable code. */
  readonly refused: Readonly<Record<string, number>>;
  /** Subscriptions that asked to recover, by outcome. */
  readonly recoveries: Readonly<Record<RecoveryOutcome, number>>;
  /** What --history keeps, copies in other workers included; bytes as --history-max-bytes counts them. */
  readonly history: HistoryCounts;
  /** The same of --state; its messages are keys. */
  readonly state: HistoryCounts;
  /** Messages that crossed to and from other relays: workers of this process, and other nodes. */
  readonly crossed: Crossed;
  /** Subscribers a message went to, over all messages. */
  readonly fanOut: DistributionCounts;
  /** Microseconds from publish until its messages were written to the sockets, over a sample of messages. */
  readonly publishToFlushUs: DistributionCounts;
  /** Worst lateness of the event loop in the last 5 to 10 seconds, in ms. */
  readonly loopLagMs: number;
}

export interface Crossed {
  readonly forwarded: number;
  readonly received: number;
  /** Could not be handed over. */
  readonly lost: number;
}

/** The counts of several workers as one; the lag is the worst. */
export function totalOf(workers: readonly RelayStats[]): Omit<RelayStats, 'worker' | 'startedAtMs'> {
  const sum = (read: (stats: RelayStats) => number): number => workers.reduce((total, each) => total + read(each), 0);
  const byKey = (read: (stats: RelayStats) => Readonly<Record<string, number>>): Record<string, number> => {
    const totals: Record<string, number> = {};
    for (const worker of workers) {
      for (const [key, count] of Object.entries(read(worker))) totals[key] = (totals[key] ?? 0) + count;
    }
    return totals;
  };
  const distribution = (read: (stats: RelayStats) => DistributionCounts): DistributionCounts => ({
    counts: read(workers[0] as RelayStats).counts.map((_, index) => sum((each) => read(each).counts[index] as number)),
    sum: sum((each) => read(each).sum),
  });
  const kept = (by: 'history' | 'state'): HistoryCounts => ({
    topics: sum((each) => each[by].topics),
    messages: sum((each) => each[by].messages),
    bytes: sum((each) => each[by].bytes),
  });
  return {
    ...countsBy((name) => sum((each) => each[name])),
    connections: sum((each) => each.connections),
    handshakes: sum((each) => each.handshakes),
    topics: sum((each) => each.topics),
    dropped: sum((each) => each.dropped),
    lagging: sum((each) => each.lagging),
    rejected: byKey((each) => each.rejected) as RelayStats['rejected'],
    cut: byKey((each) => each.cut) as RelayStats['cut'],
    refused: byKey((each) => each.refused),
    recoveries: byKey((each) => each.recoveries) as RelayStats['recoveries'],
    history: kept('history'),
    state: kept('state'),
    crossed: {
      forwarded: sum(({ crossed }) => crossed.forwarded),
      received: sum(({ crossed }) => crossed.received),
      lost: sum(({ crossed }) => crossed.lost),
    },
    fanOut: distribution((each) => each.fanOut),
    publishToFlushUs: distribution((each) => each.publishToFlushUs),
    loopLagMs: Math.max(...workers.map((each) => each.loopLagMs)),
  };
}
