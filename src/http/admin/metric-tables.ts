// What /metrics tells beside the plain counters (relay/watch/counters.ts): each metric's name, its help, and where its
// value is.
import type { BusStatus } from '../../bus/bus.js';
import type { totalOf } from '../../relay/watch/stats.js';

/** The counts of all workers together. */
export type Total = ReturnType<typeof totalOf>;

/** Counters of what crosses to other workers and nodes: name, help, and where the value is. */
export const CROSSED: readonly [string, string, (total: Total) => number][] = [
  [
    'fanwire_messages_forwarded_total',
    'Messages handed to other workers and nodes',
    ({ crossed }) => crossed.forwarded,
  ],
  [
    'fanwire_messages_received_total',
    'Messages that came from other workers and nodes',
    ({ crossed }) => crossed.received,
  ],
  [
    'fanwire_messages_not_forwarded_total',
    'Messages other workers or nodes could not be handed: they were away, or what waits for them reached its bound',
    ({ crossed }) => crossed.lost,
  ],
];

/** Counters by one label: name, help, label, and its values. */
export const LABELLED: readonly [string, string, string, (total: Total) => Readonly<Record<string, number>>][] = [
  [
    'fanwire_messages_dropped_total',
    'Messages lost, by reason: deliveries to slow consumers, publishes over the rate or without permission',
    'reason',
    (total) => ({
      slow_consumer: total.dropped,
      publish_rate: total.rejected.rate,
      publish_forbidden: total.rejected.forbidden,
    }),
  ],
  [
    'fanwire_recoveries_total',
    'Subscriptions that asked for what they missed, by outcome',
    'outcome',
    (total) => total.recoveries,
  ],
  ['fanwire_requests_refused_total', 'Upgrades and HTTP requests refused, by code', 'code', (total) => total.refused],
  ['fanwire_connections_cut_total', 'WebSockets the relay closed for what they did', 'reason', (total) => total.cut],
];

export const GAUGES: readonly [string, string, (total: Total) => number][] = [
  ['fanwire_connections', 'WebSockets open', (total) => total.connections],
  ['fanwire_handshakes', 'Handshakes whose token is being verified', (total) => total.handshakes],
  ['fanwire_topics', 'Topics with subscribers', (total) => total.topics],
  ['fanwire_history_topics', 'Topics with a sequence of their own', ({ history }) => history.topics],
  ['fanwire_history_messages', 'Messages kept, copies in other workers included', ({ history }) => history.messages],
  ['fanwire_history_bytes', 'Memory of what is kept, as --history-max-bytes counts', ({ history }) => history.bytes],
  ['fanwire_state_topics', 'Topics of --state that something is kept of', ({ state }) => state.topics],
  [
    'fanwire_state_keys',
    'Newest messages kept by --state, copies in other workers included',
    ({ state }) => state.messages,
  ],
  ['fanwire_state_bytes', 'Memory of what is kept, as --state-max-bytes counts', ({ state }) => state.bytes],
  ['fanwire_lagging_connections', 'Slow consumers that are off their topics now', (total) => total.lagging],
];

export const CLUSTER_COUNTERS: readonly [string, string, (status: BusStatus) => number][] = [
  ['fanwire_cluster_messages_forwarded_total', 'Messages handed to NATS', ({ forwarded }) => forwarded],
  ['fanwire_cluster_messages_received_total', 'Messages that came from NATS', ({ received }) => received],
  ['fanwire_cluster_messages_lost_total', 'Messages NATS could not be handed', ({ lost }) => lost],
  [
    'fanwire_cluster_messages_unconfirmed_total',
    'Messages NATS had not confirmed when its connection broke: some may not have arrived',
    ({ unconfirmed }) => unconfirmed,
  ],
  ['fanwire_cluster_reconnects_total', 'Times the connection to NATS came back', ({ reconnects }) => reconnects],
];
