// What /stats answers, as a type: the admin listener writes it, the live page reads it.
import type { BusStatus } from '../bus/bus.js';
import type { DeliverRule } from '../config/deliver-rules.js';
import type { HistoryRule } from '../config/history-rules.js';
import type { StateRule } from '../config/state-rules.js';
import type { RelayStats, totalOf } from '../relay/watch/stats.js';

export interface StatsReport {
  readonly schema: 'fanwire.stats/1';
  readonly version: string;
  readonly pid: number;
  /** ISO 8601, UTC. */
  readonly now: string;
  readonly startedAt: string;
  readonly uptimeS: number;
  readonly ready: boolean;
  readonly notReady: readonly string[];
  /** Where clients connect, and what they must bring. */
  readonly relay: RelayEntrance;
  /** The rules by which topics are kept and delivered, in their order: the first that matches counts. */
  readonly rules: TopicRules;
  readonly process: { readonly rssBytes: number; readonly heapUsedBytes: number; readonly cpuS: number };
  readonly workerRestarts: number;
  /** Null without --cluster. */
  readonly cluster: BusStatus | null;
  readonly total: ReturnType<typeof totalOf>;
  readonly workers: readonly RelayStats[];
}

export interface TopicRules {
  readonly history: readonly HistoryRule[];
  readonly state: readonly StateRule[];
  /** `separator`, where it has one, ends the key that a message begins with. */
  readonly deliver: readonly DeliverRule[];
}

export interface RelayEntrance {
  /** The address it listens on; 0.0.0.0 or :: for all. */
  readonly host: string;
  readonly port: number;
  readonly tls: boolean;
  /** When the certificate ends that clients are shown: ISO 8601, UTC. Null without TLS. */
  readonly tlsExpiresAt: string | null;
  readonly auth: 'none' | 'jwt' | 'static';
  /** Web pages that may connect; empty: all. */
  readonly origins: readonly string[];
  readonly maxConnections: number;
}
