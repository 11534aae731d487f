// What one VU observed: counted here during the run, given to k6's metrics once a second, and printed as one line at
// the end when `fanwire bench` asks for it (k6's summary has percentiles, but no histograms that can be merged).

import exec from 'k6/execution';
import { fineClock } from './clock.ts';
import { type Buckets, count, flat } from './histogram.ts';
import { type K6Line, writeLine } from './lines.ts';
import type { Lives } from './lives.ts';
import * as metrics from './metrics.ts';
import type { Timeline } from './schedule.ts';
import type { Settings } from './settings.ts';

/** For every n-th delivery of a VU, two times are measured: from its arrival to its handler, and from there to the next
 *  handler. Only every n-th, because the clock costs as much as the rest of the handler. */
const LAG_SAMPLED_EVERY = 8;

export function printLine(settings: Settings, line: K6Line): void {
  if (settings.report) console.log(writeLine(line));
}

export class Observed {
  /** Sockets that were open when the measured phase began, by topic. */
  readonly openByTopic: { [topic: number]: number } = {};
  readonly failures: { [reason: string]: number } = {};
  opened = 0;
  failed = 0;
  late = 0;
  closedByServer = 0;
  foreign = 0;
  /** Time of the last measured delivery, ms since the epoch; 0 if there was none. */
  lastAt = 0;
  delivered = 0;
  lost = 0;
  duplicated = 0;
  outOfOrder = 0;
  /** The largest lag seen between two clocks, ms: a message was read before it was due, or handled before it was read.
   *  */
  behindMs = 0;
  readonly now = fineClock();
  private readonly connectUs: Buckets = new Map();
  private readonly lagUs: Buckets = new Map();
  private readonly seconds: { latencyUs: Buckets; opened: number }[] = [];
  private deliveredFlushed = 0;
  private secondsFlushed = 0;
  /** When the handler of the last timed delivery ran; 0 if the delivery before this one was not timed. */
  private handledAt = 0;

  constructor(
    private readonly settings: Settings,
    private readonly timeline: Timeline,
  ) {
    metrics.startCounters();
  }

  connected(ms: number): void {
    this.opened++;
    this.secondOf(this.now()).opened++;
    count(this.connectUs, ms);
    metrics.connecting.add(ms);
    metrics.connected.add(true);
  }

  /** The server or the network closed an open connection. */
  endedByServer(): void {
    this.closedByServer++;
    metrics.closed.add(1);
  }

  connectFailed(reason: string): void {
    this.failed++;
    this.failures[reason] = (this.failures[reason] ?? 0) + 1;
    metrics.connected.add(false);
    metrics.failed.add(1);
  }

  /** Counts one measured delivery; it was due, and read from the socket, at these times. */
  arrived(topic: number, dueAt: number, readAt: number): void {
    const ms = readAt - dueAt;
    this.delivered++;
    if (readAt > this.lastAt) this.lastAt = readAt;
    if (ms < -this.behindMs) this.behindMs = -ms;
    count(this.secondOf(readAt).latencyUs, ms);
    if (this.settings.topicTags) metrics.latency.add(ms, { topic: String(topic) });
    else metrics.latency.add(ms);
    if (this.handledAt > 0) {
      // This message had arrived before, so the VU did nothing but handling between the two.
      if (readAt < this.handledAt) this.tookIn(topic, this.now() - this.handledAt);
      this.handledAt = 0;
    }
    if (this.delivered % LAG_SAMPLED_EVERY === 0) {
      this.handledAt = this.now();
      const lag = this.handledAt - readAt;
      // A message is handled after it was read, so a negative lag means that the clock was behind.
      if (lag < -this.behindMs) this.behindMs = -lag;
      count(this.lagUs, lag);
      metrics.handlerLag.add(lag);
    }
  }

  /** Reports the counts since the last call to k6. A Counter sample per delivery would be a tenth of k6's load. */
  flush(): void {
    metrics.deliveries.add(this.delivered - this.deliveredFlushed);
    this.deliveredFlushed = this.delivered;
    printLine(this.settings, {
      kind: 'progress',
      vu: exec.vu.idInTest,
      opened: this.opened,
      delivered: this.delivered,
      latencyUs: this.latenciesSinceFlush(),
    });
  }

  /** Adds what the subscribers received and missed. */
  account(lives: Lives): void {
    const { expected, delivered, duplicated, outOfOrder } = lives.totals;
    this.lost += expected - delivered;
    this.duplicated += duplicated;
    this.outOfOrder += outOfOrder;
    this.foreign += lives.misrouted;
  }

  finish(): void {
    this.flush();
    metrics.lost.add(this.lost);
    metrics.duplicated.add(this.duplicated);
    metrics.outOfOrder.add(this.outOfOrder);
    metrics.late.add(this.late);
    metrics.reports.add(1);
    this.sayFailures();
    printLine(this.settings, {
      kind: 'subscribers',
      openByTopic: this.openByTopic,
      failures: this.failures,
      opened: this.opened,
      failed: this.failed,
      late: this.late,
      closedByServer: this.closedByServer,
      behindMs: this.behindMs,
      foreign: this.foreign,
      lastAt: this.lastAt,
      delivered: this.delivered,
      lost: this.lost,
      duplicated: this.duplicated,
      outOfOrder: this.outOfOrder,
      connectUs: flat(this.connectUs),
      lagUs: flat(this.lagUs),
      seconds: this.seconds.map((second) => ({ opened: second.opened, latencyUs: flat(second.latencyUs) })),
    });
  }

  /** One copy of a message took `ms`; the VU needs that time for each of its copies. */
  private tookIn(topic: number, ms: number): void {
    metrics.intake.add(ms * (this.openByTopic[topic] ?? 1) * this.settings.burst);
  }

  private latenciesSinceFlush(): number[] {
    const ended = this.seconds.slice(this.secondsFlushed, -1);
    this.secondsFlushed += ended.length;
    return ended.flatMap(({ latencyUs }) => flat(latencyUs));
  }

  /** k6's summary contains only numbers, so the log says why connections failed or were closed. */
  private sayFailures(): void {
    if (this.settings.report) return;
    for (const [reason, failed] of Object.entries(this.failures)) {
      console.error(`${failed} connections failed: ${reason}`);
    }
    if (this.closedByServer > 0) console.error(`${this.closedByServer} connections were closed by the server`);
  }

  private secondOf(instant: number): { latencyUs: Buckets; opened: number } {
    const index = Math.max(0, Math.floor((instant - this.timeline.connectAt) / 1000));
    while (this.seconds.length <= index) this.seconds.push({ latencyUs: new Map(), opened: 0 });
    return this.seconds[index] as { latencyUs: Buckets; opened: number };
  }
}
