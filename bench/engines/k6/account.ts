// Adds up the lines that k6's VUs print: counts and histograms that k6's own summary does not have.

import type { Histogram } from 'hdr-histogram-js';
import type { K6Line, K6ProgressLine, PublishersLine, SubscribersLine, TimelineLine } from '../../k6/lib/lines.js';
import { newLatencyHistogram, percentileMs, recordLatencyUs } from '../../measure/histogram.js';
import type { EngineSeriesPoint } from '../engine.js';

export class Account {
  readonly connectUs = newLatencyHistogram();
  readonly latencyUs = newLatencyHistogram();
  readonly lagUs = newLatencyHistogram();
  readonly slipUs = newLatencyHistogram();
  readonly failures = new Map<string, number>();
  timeline: TimelineLine | undefined;
  opened = 0;
  failed = 0;
  late = 0;
  closedByServer = 0;
  /** The largest lag seen between two clocks, ms. */
  behindMs = 0;
  foreign = 0;
  lastAt = 0;
  published = 0;
  unsent = 0;
  /** Publishers that the server refused or closed. */
  publishersEnded = 0;
  delivered = 0;
  duplicated = 0;
  outOfOrder = 0;
  /** VUs that have reported. */
  reports = 0;
  private missed = 0;
  private readonly openByTopic = new Map<number, number>();
  private readonly unsentByTopic = new Map<number, number>();
  private readonly seconds: { readonly latencyUs: Histogram; opened: number }[] = [];
  private readonly progress = new Map<number, K6ProgressLine>();
  /** Latencies of the seconds that have ended; for progress while k6 runs. */
  private readonly runningUs = newLatencyHistogram();

  add(line: K6Line): void {
    if (line.kind === 'timeline') this.timeline = line;
    if (line.kind === 'progress') {
      this.progress.set(line.vu, line);
      record(this.runningUs, line.latencyUs);
    }
    if (line.kind === 'subscribers') this.addSubscribers(line);
    if (line.kind === 'publishers') this.addPublishers(line);
  }

  /** Connections opened, messages delivered and their latencies (ms) so far, from the line that each VU prints every
   *  second. */
  get soFar(): {
    readonly opened: number;
    readonly delivered: number;
    readonly p50: number | null;
    readonly p99: number | null;
  } {
    let opened = 0;
    let delivered = 0;
    for (const line of this.progress.values()) {
      opened += line.opened;
      delivered += line.delivered;
    }
    return { opened, delivered, p50: percentileMs(this.runningUs, 50), p99: percentileMs(this.runningUs, 99) };
  }

  /** Messages that subscribers missed. Subscribers expect the whole plan, so messages that a publisher could not send
   *  are subtracted. */
  get lost(): number {
    let neverSent = 0;
    for (const [topic, unsent] of this.unsentByTopic) neverSent += unsent * (this.openByTopic.get(topic) ?? 0);
    return Math.max(0, this.missed - neverSent);
  }

  /** Whether every VU that was started has reported. */
  get isComplete(): boolean {
    const { timeline } = this;
    if (timeline === undefined) return false;
    return this.reports === timeline.subscribers + timeline.visitors + timeline.publishers;
  }

  /** Number of subscribers of the largest topic. */
  get largestTopic(): number {
    return Math.max(0, ...this.openByTopic.values());
  }

  /** One point per second, counted from the start of connecting. */
  series(): EngineSeriesPoint[] {
    let connections = 0;
    return this.seconds.map(({ latencyUs, opened }, index) => {
      connections += opened;
      return {
        t: (index + 1) * 1000,
        deliveries: latencyUs.totalCount,
        p50: percentileMs(latencyUs, 50),
        p99: percentileMs(latencyUs, 99),
        connections,
      };
    });
  }

  private addSubscribers(line: SubscribersLine): void {
    this.reports++;
    this.opened += line.opened;
    this.failed += line.failed;
    this.late += line.late;
    this.closedByServer += line.closedByServer;
    this.behindMs = Math.max(this.behindMs, line.behindMs);
    this.foreign += line.foreign;
    this.lastAt = Math.max(this.lastAt, line.lastAt);
    this.delivered += line.delivered;
    this.missed += line.lost;
    this.duplicated += line.duplicated;
    this.outOfOrder += line.outOfOrder;
    for (const [topic, open] of Object.entries(line.openByTopic)) increase(this.openByTopic, Number(topic), open);
    for (const [reason, failed] of Object.entries(line.failures)) increase(this.failures, reason, failed);
    record(this.connectUs, line.connectUs);
    record(this.lagUs, line.lagUs);
    line.seconds.forEach((second, index) => {
      this.seconds[index] ??= { latencyUs: newLatencyHistogram(), opened: 0 };
      this.seconds[index].opened += second.opened;
      record(this.seconds[index].latencyUs, second.latencyUs);
      record(this.latencyUs, second.latencyUs);
    });
  }

  private addPublishers(line: PublishersLine): void {
    this.reports++;
    this.opened += line.opened;
    this.closedByServer += line.closedByServer;
    this.publishersEnded += line.closedByServer;
    for (const [reason, failed] of Object.entries(line.failures)) {
      this.failed += failed;
      this.publishersEnded += failed;
      increase(this.failures, reason, failed);
    }
    for (const { topic, sent, unsent } of line.publishers) {
      this.published += sent;
      this.unsent += unsent;
      increase(this.unsentByTopic, topic, unsent);
    }
    record(this.slipUs, line.slipUs);
  }
}

function increase<Key>(counts: Map<Key, number>, key: Key, by: number): void {
  counts.set(key, (counts.get(key) ?? 0) + by);
}

function record(histogram: Histogram, flat: readonly number[]): void {
  for (let i = 0; i + 1 < flat.length; i += 2) recordLatencyUs(histogram, flat[i] as number, flat[i + 1] as number);
}
