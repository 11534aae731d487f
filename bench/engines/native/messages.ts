// What the engine and its generator processes say to each other (child_process IPC, structured clone).

import type { SequenceTotals } from '../../k6/lib/sequence.js';
import type { Plan } from '../../scenarios/scenario.js';
import type { TargetDialect } from '../../targets/target.js';
import type { Endpoint } from './connection.js';

export type Role = 'subscribers' | 'publishers';

/** To a generator process: everything it needs; it connects at once. */
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
  /** Whether to look out for messages awake: only where no publisher has to wait for that. */
  readonly isWatchful: boolean;
  readonly zeroUnixUs: number;
  /** When the run began; intervals of the series count from here. */
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

/** To subscribers: what each publisher sent in all; report once it came or is given up. */
export interface SettleCommand {
  readonly kind: 'settle';
  readonly sent: Uint32Array;
}

export interface CloseCommand {
  readonly kind: 'close';
}

export type GeneratorCommand = SetupCommand | PlayCommand | SettleCommand | CloseCommand;

/** From a process: all its connections are open or failed. */
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
  /** When it ended, ms since the run began; the last one ends with the run. */
  readonly endMs: number;
  readonly open: number;
  readonly opened: number;
  readonly deliveries: number;
  readonly latencies: Uint32Array;
  /** Messages skipped over so far and not received since. */
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

/** How busy one process was while messages were measured. */
export interface Busyness {
  /** Cores used or waited for. */
  readonly cpu: number;
  /** Of that, the part in which it waited for a core that something else used; null where the kernel does not tell. */
  readonly waiting: number | null;
}

export interface PublisherReport {
  readonly kind: 'sent';
  /** By publisher, all other processes' entries 0. */
  readonly sent: Uint32Array;
  /** Measured messages that were due but never left, because the server stopped reading. */
  readonly unsent: number;
  readonly slips: Uint32Array;
  readonly busyness: Busyness;
  readonly connections: ConnectFigures;
  readonly closedByServer: Readonly<Record<string, number>>;
}

export interface SubscriberReport {
  readonly kind: 'heard';
  readonly totals: SequenceTotals;
  readonly lastDeliveryUs: number;
  /** Deliveries on a topic that the subscriber is not on: a fault of the server's. */
  readonly misrouted: number;
  readonly readDelays: Uint32Array;
  readonly busyness: Busyness;
  readonly connections: ConnectFigures;
  readonly closedByServer: Readonly<Record<string, number>>;
  /** Stalled subscribers that the server closed; null when the plan has none. */
  readonly stalledClosed: number | null;
  /** From the cut of a reconnect storm to the last of them back, ms; null when there was none or not all came back. */
  readonly stormRecoveredMs: number | null;
  /** Ages of the states that subscribers had when the next came, and what was conflated; null where messages are about
   *  no keys. */
  readonly states: { readonly ages: Uint32Array; readonly conflated: number } | null;
}

export type GeneratorMessage = Ready | IntervalReport | PublisherReport | SubscriberReport;
