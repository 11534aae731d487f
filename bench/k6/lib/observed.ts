// What one VU saw: counted here while it runs, handed to k6's metrics once a second, and printed as one line at the end
// when `fanwire bench` asked for it (k6's summary has percentiles, but no histogram that could be merged).

import exec from 'k6/execution';
import { fineClock } from './clock.ts';
import { type Buckets, count, flat } from './histogram.ts';
import { type K6Line, writeLine } from './lines.ts';
import type { Lives } from './lives.ts';
import * as metrics from './metrics.ts';
import type { Timeline } from './schedule.ts';
import type { Settings } from './settings.ts';

/** Every n-th delivery of a VU is timed from its arrival to its handler, and on to the next one's handler: the clock
 *  costs as much as the rest of it. */
const LAG_SAMPLED_EVERY = 8;

export function printLine(settings: Settings, line: K6Line): void {
  if (settings.report) console.log(writeLine(line));
}

export class Observed {
  /** Sockets that were open when measuring began, by topic. */
  readonly openByTopic: { [topic: number]: number } = {};
  readonly failures: { [reason: string]: number } = {};
  opened = 0;
  failed = 0;
  late = 0;
  closedByServer = 0;
  foreign = 0;
  /** Instant of the last measured delivery, ms since the epoch; 0 without one. */
  lastAt = 0;
  delivered = 0;
  lost = 0;
  duplicated = 0;
  outOfOrder = 0;
  /** The most by which a clock was seen to be behind another, ms: a message read before it was due, or handled before
   *  it was read. */
  behindMs = 0;
  readonly now = fineClock();
  private readonly connectUs: Buckets = new Map();
  private readonly lagUs: Buckets = new Map();
  private readonly seconds: { latencyUs: Buckets; opened: number }[] = [];
  private deliveredFlushed = 0;
  private secondsFlushed = 0;
  /** When the handler of the last timed delivery ran; 0: the one before was not timed. */
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

  /** The server, or the network, ended an open connection. */
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

  /** One measured delivery: due and read off the socket at these instants. */
  arrived(topic: number, dueAt: number, readAt: number): void {
    const ms = readAt - dueAt;
    this.delivered++;
    if (readAt > this.lastAt) this.lastAt = readAt;
    if (ms < -this.behindMs) this.behindMs = -ms;
    count(this.secondOf(readAt).latencyUs, ms);
    if (this.settings.topicTags) metrics.latency.add(ms, { topic: String(topic) });
    else metrics.latency.add(ms);
    if (this.handledAt > 0) {
      // It waited already, so nothing but handling lay between the two.
      if (readAt < this.handledAt) this.tookIn(topic, this.now() - this.handledAt);
      this.handledAt = 0;
    }
    if (this.delivered % LAG_SAMPLED_EVERY === 0) {
      this.handledAt = this.now();
      const lag = this.handledAt - readAt;
      // Read before it was handled, so a negative lag is the clock's: it was behind.
      if (lag < -this.behindMs) this.behindMs = -lag;
      count(this.lagUs, lag);
      metrics.handlerLag.add(lag);
    }
  }

  /** Hands the counts since the last call to k6: a Counter sample for each delivery would be a tenth of its load. */
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

  /** What subscribers that have ended heard and missed. */
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

  /** One copy of a message took this long: all that this VU has of it take as often as long. */
  private tookIn(topic: number, ms: number): void {
    metrics.intake.add(ms * (this.openByTopic[topic] ?? 1) * this.settings.burst);
  }

  private latenciesSinceFlush(): number[] {
    const ended = this.seconds.slice(this.secondsFlushed, -1);
    this.secondsFlushed += ended.length;
    return ended.flatMap(({ latencyUs }) => flat(latencyUs));
  }

  /** k6's summary has numbers only: why connections failed or ended is said in the log. */
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
