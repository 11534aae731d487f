// The messages between the engine and its generator processes (child_process IPC, structured clone).

import type { SequenceTotals } from '../../k6/lib/sequence.js';
import type { Plan } from '../../scenarios/scenario.js';
import type { TargetDialect } from '../../targets/target.js';
import type { Endpoint } from './connection.js';

export type Role = 'subscribers' | 'publishers';

/** To a generator process: everything that it needs; it starts to connect at once. */
export interface SetupCommand {
  readonly kind: 'setup';
  readonly role: Role;
  readonly plan: Plan;
  /** This process holds subscribers (or publishers) lane, lane + lanes, lane + 2·lanes, … */
  readonly lane: number;
  readonly lanes: number;
  readonly targets: readonly { readonly url: string; readonly endpoint: Endpoint }[];
  readonly dialect: TargetDialect;
  readonly headers: Readonly<Record<string, string>>;
  readonly localAddresses: readonly string[];
  readonly isSourceExplicit: boolean;
  /** Whether to stay awake when messages are due (attention.ts); only where that delays no publisher. */
  readonly isWatchful: boolean;
  readonly zeroUnixUs: number;
  /** When the run began; the series' intervals are counted from here. */
  readonly runStartUs: number;
  readonly intervalMs: number;
}

/** To all: the schedule. Warm-up messages are due from `startUs`, measured ones from `measureStartUs` until
 *  `measureEndUs`. */
export interface PlayCommand {
  readonly kind: 'play';
  readonly startUs: number;
  readonly measureStartUs: number;
  readonly measureEndUs: number;
}

/** To subscribers: how many messages each publisher sent. They report when these have arrived or are given up. */
export interface SettleCommand {
  readonly kind: 'settle';
  readonly sent: Uint32Array;
}

export interface CloseCommand {
  readonly kind: 'close';
}

export type GeneratorCommand = SetupCommand | PlayCommand | SettleCommand | CloseCommand;

/** From a process: each of its connections is open or has failed. */
export interface Ready {
  readonly kind: 'ready';
  readonly role: Role;
  readonly opened: number;
  /** The most frequent reason why connections failed. */
  readonly failure: string | undefined;
}

/** From a process, once per interval of the series. */
export interface IntervalReport {
  readonly kind: 'interval';
  readonly index: number;
  /** When the interval ended, ms since the run began; the last one ends with the run. */
  readonly endMs: number;
  readonly open: number;
  readonly opened: number;
  readonly deliveries: number;
  readonly latencies: Uint32Array;
  /** Messages skipped so far and not received since. */
  readonly missing: number;
  /** Cores used or waited for in this interval. */
  readonly cpu: number;
}

export interface ConnectFigures {
  readonly requested: number;
  readonly opened: number;
  readonly failed: number;
  readonly mostInFlight: number;
  readonly latencies: Uint32Array;
  readonly failures: Readonly<Record<string, number>>;
}

/** How busy one process was during the measured phase. */
export interface Busyness {
  /** Cores used or waited for. */
  readonly cpu: number;
  /** The part of `cpu` in which it waited for a core that something else used; null where the kernel does not report
   *  it. */
  readonly waiting: number | null;
}

export interface PublisherReport {
  readonly kind: 'sent';
  /** By publisher; 0 for publishers of other processes. */
  readonly sent: Uint32Array;
  /** Measured messages that were due but were never sent, because the server stopped reading. */
  readonly unsent: number;
  /** Measured messages that came back to the publisher that had sent them. */
  readonly echoed: number;
  readonly slips: Uint32Array;
  readonly busyness: Busyness;
  readonly connections: ConnectFigures;
  readonly closedByServer: Readonly<Record<string, number>>;
}

export interface SubscriberReport {
  readonly kind: 'heard';
  readonly totals: SequenceTotals;
  readonly lastDeliveryUs: number;
  /** Deliveries on a topic that the subscriber did not subscribe to: a fault of the server. */
  readonly misrouted: number;
  readonly readDelays: Uint32Array;
  readonly busyness: Busyness;
  readonly connections: ConnectFigures;
  readonly closedByServer: Readonly<Record<string, number>>;
  /** Stalled subscribers that the server closed; null when the plan has none. */
  readonly stalledClosed: number | null;
  /** Time from the cut of a reconnect storm until all were back, ms; null without a storm or when not all came back. */
  readonly stormRecoveredMs: number | null;
  /** How old subscribers' states were when the next one arrived, and how many were conflated; null when messages have
   *  no keys. */
  readonly states: { readonly ages: Uint32Array; readonly conflated: number } | null;
}

export type GeneratorMessage = Ready | IntervalReport | PublisherReport | SubscriberReport;
