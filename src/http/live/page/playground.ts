// Two clients side by side. What one sends and the other gets back tells the round trip: page, relay, page.
import { formatMs } from '../../../base/page/format.js';
import type { StatsReport } from '../../stats-report.js';
import { relayUrl } from '../relay-url.js';
import { byId, setText } from './element.js';
import { Pane, type PaneEvents } from './pane.js';
import { refusedBetween } from './refusals.js';

/** What is remembered of messages on their way, and of trips for the median. */
const MOST_UNDER_WAY = 500;
const MEDIAN_OF = 50;

interface UnderWay {
  readonly from: Pane;
  readonly content: string;
  readonly sentAtMs: number;
}

export class Playground {
  private report: StatsReport | undefined;
  private readonly panes: readonly [Pane, Pane];
  private underWay: UnderWay[] = [];
  private trips: number[] = [];

  /** @param nextReport resolves with the next answer of /stats */
  constructor(private readonly nextReport: () => Promise<StatsReport>) {
    const events: PaneEvents = {
      sent: (from, content) => this.sent(from, content),
      received: (pane, content) => this.received(pane, content),
      changed: () => this.changed(),
      trying: () => {
        const before = this.report;
        return () => this.whyRefused(before);
      },
    };
    const url = () => this.report && relayUrl(this.report.relay, location.hostname);
    this.panes = [new Pane('a', url, events), new Pane('b', url, events)];
  }

  show(report: StatsReport): void {
    this.report = report;
    const { auth, origins } = report.relay;
    for (const pane of this.panes) pane.asksForToken = auth !== 'none';
    const token = auth === 'none' ? '' : `Clients need a token (--auth ${auth}). `;
    const only =
      origins.length === 0
        ? ''
        : `Only pages of these origins may connect: ${origins.join(', ')}; this one is ${location.origin}.`;
    setText(byId('playground-note'), `${token}${only}`);
  }

  /** Puts a topic into the first pane that is free. */
  offer(topic: string): void {
    const pane = this.panes.find((each) => each.topic === undefined) ?? this.panes[0];
    pane.offer(topic);
    const still = matchMedia('(prefers-reduced-motion: reduce)').matches;
    byId('playground').scrollIntoView({ behavior: still ? 'instant' : 'smooth' });
  }

  private get together(): boolean {
    const [one, other] = this.panes;
    return one.topic !== undefined && one.topic === other.topic;
  }

  private sent(from: Pane, content: string): void {
    if (!this.together || this.underWay.length >= MOST_UNDER_WAY) return;
    this.underWay.push({ from, content, sentAtMs: performance.now() });
  }

  private received(pane: Pane, content: string): void {
    const nowMs = performance.now();
    const i = this.underWay.findIndex((each) => each.from !== pane && each.content === content);
    if (i < 0) return;
    const [trip] = this.underWay.splice(i, 1);
    this.trips = [...this.trips, nowMs - (trip?.sentAtMs ?? nowMs)].slice(-MEDIAN_OF);
    const median = this.trips.toSorted((one, other) => one - other)[this.trips.length >> 1] ?? 0;
    setText(
      byId('round-trip'),
      `Round trip ${formatMs(this.trips.at(-1) ?? null)}, median of ${this.trips.length}: ${formatMs(median)}`,
    );
  }

  private changed(): void {
    this.underWay = [];
    this.trips = [];
    setText(
      byId('round-trip'),
      this.together ? 'Send something to see the round trip.' : 'Join both panes to one topic to see the round trip.',
    );
  }

  /** A browser does not tell why a connection failed. What the relay refused meanwhile does, unless others were refused
   *  too. */
  private async whyRefused(before: StatsReport | undefined): Promise<string> {
    if (before === undefined) return '';
    const codes = refusedBetween(before, await this.nextReport());
    if (codes.length > 0) return `The relay meanwhile refused: ${codes.join(', ')}.`;
    return `The relay refused nobody meanwhile: is ${relayUrl(before.relay, location.hostname)} reachable from this browser?`;
  }
}
