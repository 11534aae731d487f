// Merges the reports of all generator processes into the engine's report.

import type { Histogram } from 'hdr-histogram-js';
import { newLatencyHistogram, percentileMs } from '../../measure/histogram.js';
import type { EngineReport, EngineSeriesPoint } from '../engine.js';
import { addCounts } from './counts.js';
import type { ConnectFigures, IntervalReport, PublisherReport, SubscriberReport } from './messages.js';

/** Collects the intervals of all subscriber processes, by interval number. */
export class Series {
  private readonly pointByIndex = new Map<
    number,
    { endMs: number; deliveries: number; open: Map<object, number>; latency: Histogram }
  >();
  private readonly openedBy = new Map<object, number>();
  readonly latencyUs = newLatencyHistogram();

  constructor(private readonly intervalMs: number) {}

  add(process: object, interval: IntervalReport): void {
    let point = this.pointByIndex.get(interval.index);
    if (point === undefined) {
      point = { endMs: 0, deliveries: 0, open: new Map(), latency: newLatencyHistogram() };
      this.pointByIndex.set(interval.index, point);
    }
    point.endMs = Math.max(point.endMs, interval.endMs);
    point.deliveries += interval.deliveries;
    // Set, not added: a process whose timer was late reports twice within one interval.
    point.open.set(process, interval.open);
    addCounts(point.latency, interval.latencies);
    addCounts(this.latencyUs, interval.latencies);
    this.openedBy.set(process, interval.opened);
  }

  get opened(): number {
    return sum([...this.openedBy.values()]);
  }

  points(): EngineSeriesPoint[] {
    return (
      [...this.pointByIndex.entries()]
        .sort(([a], [b]) => a - b)
        // The run ends soon after an interval did: the short rest is no point of the curve, unless it has deliveries.
        .filter(([index, { endMs, deliveries }]) => deliveries > 0 || endMs >= (index + 1) * this.intervalMs)
        .map(([, { endMs, deliveries, open, latency }]) => ({
          t: endMs,
          deliveries,
          p50: percentileMs(latency, 50),
          p99: percentileMs(latency, 99),
          connections: sum([...open.values()]),
        }))
    );
  }
}

export interface Times {
  readonly measureStartUs: number;
  readonly measureEndUs: number;
}

export function mergeReports(
  series: Series,
  publishers: readonly PublisherReport[],
  subscribers: readonly SubscriberReport[],
  times: Times,
): EngineReport {
  const all = [...publishers, ...subscribers];
  const slips = histogramOf(publishers.map(({ slips }) => slips));
  const delays = histogramOf(subscribers.map(({ readDelays }) => readDelays));
  const lastDeliveryUs = Math.max(0, ...subscribers.map((report) => report.lastDeliveryUs));
  const expected = sum(subscribers.map(({ totals }) => totals.expected));
  const echoed = sum(publishers.map((report) => report.echoed));
  const delivered = sum(subscribers.map(({ totals }) => totals.delivered));
  return {
    connections: mergeConnections(all.map(({ connections }) => connections)),
    published: sum(publishers.flatMap(({ sent }) => [...sent])),
    expected,
    delivered,
    lost: expected - delivered,
    duplicated: sum(subscribers.map(({ totals }) => totals.duplicated)),
    outOfOrder: sum(subscribers.map(({ totals }) => totals.outOfOrder)),
    echoed,
    // If the server still delivered after the last message was due, it took longer than the planned time.
    measuredS: (Math.max(times.measureEndUs, lastDeliveryUs) - times.measureStartUs) / 1e6,
    latencyUs: series.latencyUs,
    series: series.points(),
    generator: {
      cpu: Math.max(...all.map(({ busyness }) => busyness.cpu)),
      scheduleSlipMs: { p99: percentileMs(slips, 99), max: percentileMs(slips, 100) },
      eventLoopDelayMs: { p99: percentileMs(delays, 99) },
    },
    invalidReasons: misrouting(subscribers),
    delayReasons: [],
    serverFaults: faults(publishers, subscribers),
    ...stalenessOf(subscribers),
    remarks: echoed === 0 ? [] : [`${echoed} messages came back to their own publisher`],
    extra: extras(publishers, subscribers),
  };
}

function stalenessOf(subscribers: readonly SubscriberReport[]): Pick<EngineReport, 'staleness'> {
  const known = subscribers.flatMap(({ states }) => states ?? []);
  if (known.length === 0) return {};
  const ageUs = histogramOf(known.map(({ ages }) => ages));
  return { staleness: { ageUs, conflated: sum(known.map(({ conflated }) => conflated)) } };
}

function misrouting(subscribers: readonly SubscriberReport[]): string[] {
  const misrouted = sum(subscribers.map((report) => report.misrouted));
  if (misrouted === 0) return [];
  return [
    `${misrouted} messages reached a subscriber of another topic, or came from another generator on the same topics`,
  ];
}

/** Connections that the server closed and messages that it did not read are its faults, however busy the generator was.
 *  */
function faults(publishers: readonly PublisherReport[], subscribers: readonly SubscriberReport[]): string[] {
  const found: string[] = [];
  const closed = closings(publishers, subscribers);
  const connections = closed.reduce((total, [, count]) => total + count, 0);
  if (connections > 0) {
    found.push(`the server closed ${connections} connections during the run (${describe(closed)})`);
  }
  const unsent = sum(publishers.map((report) => report.unsent));
  if (unsent > 0) {
    found.push(
      `${unsent} messages were due and never sent: the server closed the publisher or stopped reading from it`,
    );
  }
  return found;
}

/** Close codes of the connections that the server closed, most frequent first. */
function closings(
  publishers: readonly PublisherReport[],
  subscribers: readonly SubscriberReport[],
): [string, number][] {
  return countTogether([...publishers, ...subscribers].map((report) => report.closedByServer));
}

function describe(closed: readonly [string, number][]): string {
  return closed.map(([code, count]) => `${code}: ${count}`).join(', ');
}

function extras(
  publishers: readonly PublisherReport[],
  subscribers: readonly SubscriberReport[],
): Record<string, number | string> {
  const extra: Record<string, number | string> = {};
  const waiting = Math.max(0, ...[...publishers, ...subscribers].map(({ busyness }) => busyness.waiting ?? 0));
  extra.generatorWaitedForCore = Math.round(waiting * 1000) / 1000;
  extra.mostHandshakesInFlight = sum(
    [...publishers, ...subscribers].map(({ connections }) => connections.mostInFlight),
  );
  const closed = closings(publishers, subscribers);
  if (closed.length > 0) extra.closedByServer = describe(closed);
  const stalledClosed = subscribers.map((report) => report.stalledClosed).filter((count) => count !== null);
  if (stalledClosed.length > 0) extra.stalledClosed = sum(stalledClosed);
  const recovered = subscribers.map((report) => report.stormRecoveredMs).filter((ms) => ms !== null);
  if (recovered.length > 0) extra.stormRecoveredMs = Math.round(Math.max(...recovered));
  return extra;
}

function mergeConnections(figures: readonly ConnectFigures[]): EngineReport['connections'] {
  return {
    requested: sum(figures.map(({ requested }) => requested)),
    opened: sum(figures.map(({ opened }) => opened)),
    failed: sum(figures.map(({ failed }) => failed)),
    connectUs: histogramOf(figures.map(({ latencies }) => latencies)),
    failures: countTogether(figures.map(({ failures }) => failures)).map(([reason, count]) => ({ reason, count })),
  };
}

/** Adds up the values of equal keys, largest sum first. */
function countTogether(records: readonly Readonly<Record<string, number>>[]): [string, number][] {
  const sums = new Map<string, number>();
  for (const [key, count] of records.flatMap(Object.entries<number>)) sums.set(key, (sums.get(key) ?? 0) + count);
  return [...sums].sort(([, a], [, b]) => b - a);
}

function histogramOf(counts: readonly Uint32Array[]): Histogram {
  const histogram = newLatencyHistogram();
  for (const pairs of counts) addCounts(histogram, pairs);
  return histogram;
}

function sum(numbers: readonly number[]): number {
  let total = 0;
  for (const number of numbers) total += number;
  return total;
}
