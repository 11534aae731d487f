// What the relay counts: plain numbers, so that counting costs an addition, read by logs, metrics and /stats.

import { Distribution } from './distribution.js';

/** Every plain counter: its metric and what that counts. To add one, add a line here, a field in Counters and an
 *  increment where it happens; stats, totals, /metrics and `npm run docs` use this table. */
export const COUNTED = {
  opened: ['fanwire_connections_opened_total', 'WebSockets opened'],
  closed: ['fanwire_connections_closed_total', 'WebSockets closed'],
  unanswered: [
    'fanwire_http_unanswered_total',
    'HTTP connections that ended without an answer of a route: uWebSockets.js refused the request by itself (400, 431, 505), or the client left or said nothing',
  ],
  published: ['fanwire_messages_published_total', 'Messages taken from publishers'],
  publishedBytes: ['fanwire_published_bytes_total', 'Payload bytes taken from publishers'],
  delivered: ['fanwire_messages_delivered_total', "Messages handed to subscribers' sockets"],
  deliveredBytes: ['fanwire_delivered_bytes_total', "Payload bytes handed to subscribers' sockets"],
  replayed: [
    'fanwire_messages_replayed_total',
    'Messages replayed to subscribers that came back, or began in the past',
  ],
  conflated: [
    'fanwire_messages_conflated_total',
    'Deliveries that a newer message took the place of (--deliver latest)',
  ],
  stalled: [
    'fanwire_stalled_total',
    'Times a subscriber was passed over until it had read what it was sent (--deliver latest)',
  ],
  withheld: [
    'fanwire_messages_withheld_total',
    'First messages that were not passed on: their socket was cut in the same read for an invalid frame, as one that does not mask its frames',
  ],
  stateEvicted: [
    'fanwire_state_evicted_total',
    'Keys of --state let go of for want of room, copies in other workers included',
  ],
  slowConsumers: ['fanwire_slow_consumers_total', 'Times a socket was found over --max-backpressure'],
} as const satisfies Record<string, readonly [metric: string, help: string]>;

/** A value of every plain counter. */
export type Counts = Record<keyof typeof COUNTED, number>;

const NAMES = Object.keys(COUNTED) as (keyof Counts)[];

/** A value for every plain counter. */
export function countsBy(read: (name: keyof Counts) => number): Counts {
  return Object.fromEntries(NAMES.map((name) => [name, read(name)])) as Counts;
}

export class Counters implements Counts {
  opened = 0;
  closed = 0;
  unanswered = 0;
  published = 0;
  publishedBytes = 0;
  delivered = 0;
  deliveredBytes = 0;
  replayed = 0;
  conflated = 0;
  stalled = 0;
  withheld = 0;
  stateEvicted = 0;
  slowConsumers = 0;
  /** Messages that lagging sockets missed up to the end of their lag or their close (drop mode); see
   *  SlowConsumers.droppedMessages. */
  dropped = 0;
  /** Sockets that uWS cut or the relay closed for what they sent or were, and sockets that fell silent, by reason. */
  readonly cut: Record<CutReason, number> = {
    tooBig: 0,
    compression: 0,
    badUtf8: 0,
    protocol: 0,
    idle: 0,
    expired: 0,
    forbidden: 0,
    rate: 0,
    ops: 0,
    kicked: 0,
  };
  /** Messages that the relay did not accept from publishers, by reason. */
  readonly rejected: Record<RejectReason, number> = { forbidden: 0, rate: 0 };
  /** Subscriptions that asked to recover, by outcome. */
  readonly recoveries: Record<RecoveryOutcome, number> = {
    recovered: 0,
    noHistory: 0,
    epochChanged: 0,
    tooOld: 0,
    unknownPosition: 0,
  };
  /** Upgrades and requests refused, by the stable code of the refusal. */
  readonly refused = new Map<string, number>();

  /** How many subscribers each message went to. */
  readonly fanOut = new Distribution();
  /** Microseconds from a sampled publish until it was written to the sockets. */
  readonly publishToFlushUs = new Distribution();

  refuse(code: string): void {
    this.refused.set(code, (this.refused.get(code) ?? 0) + 1);
  }
}

export type CutReason =
  | 'tooBig'
  | 'compression'
  | 'badUtf8'
  | 'protocol'
  | 'idle'
  | 'expired'
  | 'forbidden'
  | 'rate'
  | 'ops'
  | 'kicked';
export type RejectReason = 'forbidden' | 'rate';
export type RecoveryOutcome = 'recovered' | 'noHistory' | 'epochChanged' | 'tooOld' | 'unknownPosition';
