// Slow consumers: sockets that read less than their topics publish. They are found before uWS drops anything, so that
// every loss is counted exactly, and a stalled socket costs bounded memory and delays nobody else.
//
// uWS's own limit cannot be used to count: `dropped` is called for the first lost message of a batch of up to 32, and
// not for the rest. So the relay checks its subscribers' backpressure itself, whenever an audience has published an
// eighth of the limit (40 ns a subscriber, a per-mille of what sending those bytes costs). uWS's limit is set above
// what can pile up between two checks.

import { Close } from '../../protocol/codes.js';
import { closeReason } from '../bytes.js';
import type { Counters } from '../watch/counters.js';
import type { Connection } from './audience.js';
import { type Audience, Lag } from './audience.js';
import { listen, unlisten } from './membership.js';

const SLOW_CONSUMER = closeReason('slow consumer');

export type SlowPolicy = 'drop' | 'close';

/** Told of what happens to slow sockets: for the log, and for sockets that can be told of their loss. */
export interface SlowObserver {
  closed(connection: Connection, bufferedBytes: number): void;
  lagging(connection: Connection, bufferedBytes: number): void;
  recovered(connection: Connection, audience: Audience, lost: number): void;
}

// What may pile up for a subscriber before the next sweep: 32 messages under 16 KiB in uWS's topic tree, and 31 more
// published directly in one loop iteration.
const UNSEEN_BYTES = 64 * 16 * 1024;

export class SlowConsumers {
  /** How many bytes an audience may publish before its subscribers' backpressure is checked. */
  readonly sweepEveryBytes: number;
  /** uWS's own limit for a socket. It is not reached while sweeps work; it bounds memory if they do not. */
  readonly hardLimitBytes: number;
  private readonly limitBytes: number;
  private readonly policy: SlowPolicy;
  private readonly counters: Counters;
  private readonly observer: SlowObserver;
  private readonly lagging = new Set<Connection>();

  constructor(
    limitBytes: number,
    maxPayloadBytes: number,
    policy: SlowPolicy,
    counters: Counters,
    observer: SlowObserver,
  ) {
    this.limitBytes = limitBytes;
    this.policy = policy;
    this.counters = counters;
    this.observer = observer;
    this.sweepEveryBytes = Math.max(16 * 1024, limitBytes >>> 3);
    this.hardLimitBytes = limitBytes + this.sweepEveryBytes + UNSEEN_BYTES + 2 * maxPayloadBytes;
  }

  /** Checks every subscriber of `audience` and handles those whose backpressure is over the limit. Do not call it in
   *  a `message` handler: it takes sockets off topics, which uWS forbids while it walks them. */
  sweep(audience: Audience): void {
    audience.unsweptBytes = 0;
    for (const connection of audience.subscribers) {
      if (connection.lag !== undefined || connection.ws === undefined) continue;
      const buffered = connection.ws.getBufferedAmount();
      if (buffered > this.limitBytes) this.onSlow(connection, buffered);
    }
  }

  /** A socket has drained some of its backpressure: a lagging one that is well below the limit rejoins its topics. */
  onDrain(connection: Connection): void {
    if (connection.lag === undefined || connection.ws === undefined) return;
    if (connection.ws.getBufferedAmount() > this.limitBytes >>> 1) return;
    for (const audience of connection.lag.audiences()) {
      audience.lagging--;
      listen(connection, audience);
    }
    this.settle(connection);
  }

  /** A socket has closed: what it missed until now is lost. */
  onClose(connection: Connection): void {
    if (connection.lag === undefined) return;
    for (const audience of connection.lag.audiences()) audience.lagging--;
    this.settle(connection);
  }

  /** Messages dropped by all sockets, those that still lag included. */
  droppedMessages(): number {
    let total = this.counters.dropped;
    for (const connection of this.lagging) total += this.missedBy(connection);
    return total;
  }

  /** Messages dropped by one socket, its present lag included. */
  droppedBy(connection: Connection): number {
    return connection.dropped + this.missedBy(connection);
  }

  get laggingNow(): number {
    return this.lagging.size;
  }

  private missedBy(connection: Connection): number {
    let missed = 0;
    if (connection.lag !== undefined) {
      for (const audience of connection.lag.audiences()) missed += connection.lag.missed(audience);
    }
    return missed;
  }

  private onSlow(connection: Connection, buffered: number): void {
    this.counters.slowConsumers++;
    if (this.policy === 'close') {
      this.observer.closed(connection, buffered);
      // Below uWS's limit, so the close frame queues behind what is buffered: a client that goes on reading learns why.
      connection.ws?.end(Close.slowConsumer, SLOW_CONSUMER);
      return;
    }
    const lag = new Lag();
    for (const audience of connection.audiences()) {
      lag.start(audience);
      audience.lagging++;
      unlisten(connection, audience);
    }
    connection.lag = lag;
    this.lagging.add(connection);
    this.observer.lagging(connection, buffered);
  }

  private settle(connection: Connection): void {
    const lag = connection.lag as Lag;
    connection.lag = undefined;
    this.lagging.delete(connection);
    for (const audience of lag.audiences()) {
      const lost = lag.missed(audience);
      connection.dropped += lost;
      this.counters.dropped += lost;
      this.observer.recovered(connection, audience, lost);
    }
  }
}
