// Slow consumers: sockets that read less than their topics publish. They are found before uWS drops anything, so that
// every loss is counted exactly, and a stalled socket costs bounded memory and delays nobody else.
//
// uWS's own limit cannot be used to count: `dropped` is called for the first lost message of a batch of up to 32, and
// not for the rest. So the relay checks its subscribers' backpressure itself, whenever an audience has published an
// eighth of the limit, at most 64 KiB (40 ns a subscriber, a few per-mille of what sending those bytes costs). uWS's
// limit is set above what can pile up between two checks.
//
// A socket is first behind: it takes no more from its topics than uWS has for it already, and what it misses is kept
// once for all that are behind, until they have drained. Only over the limit it is a slow consumer.

import { Close } from '../../protocol/codes.js';
import { CORK_BYTES, closeReason, FRAME_HEADER_BYTES } from '../bytes.js';
import type { WebSocket } from '../uws.js';
import type { Counters } from '../watch/counters.js';
import type { Audience, Connection, SocketState } from './audience.js';
import type { BacklogMessage } from './backlog.js';
import { Lag } from './lag.js';
import { park, unpark } from './membership.js';
import { OwnOps } from './own-ops.js';

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

/** An audience is swept whenever it has published this much, or less where the limit is low. */
const MAX_SWEEP_BYTES = 64 * 1024;
/** A socket with more unsent is behind. */
const MAX_UNSENT_BYTES = 32 * 1024;
/** A socket in more audiences is never behind: what is kept for it is added up at each sweep of each. */
const MAX_AUDIENCES = 16;

export class SlowConsumers {
  /** How many bytes an audience may publish before its subscribers' backpressure is checked. */
  readonly sweepEveryBytes: number;
  /** uWS's own limit for a socket. It is not reached while sweeps work; it bounds memory if they do not. */
  readonly hardLimitBytes: number;
  private readonly limitBytes: number;
  private readonly policy: SlowPolicy;
  private readonly counters: Counters;
  private readonly observer: SlowObserver;
  /** Unsent bytes of a socket that is not behind. */
  private readonly unsentBytes: number;
  private readonly losing = new Set<Connection>();
  private readonly behind = new Set<Connection>();

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
    this.unsentBytes = Math.min(MAX_UNSENT_BYTES, limitBytes >>> 1);
    this.sweepEveryBytes = Math.min(MAX_SWEEP_BYTES, Math.max(16 * 1024, limitBytes >>> 3));
    this.hardLimitBytes = limitBytes + this.sweepEveryBytes + UNSEEN_BYTES + 2 * maxPayloadBytes;
  }

  /** Checks every subscriber of `audience` and handles those whose backpressure is over the limit. Do not call it in
   *  a `message` handler: it takes sockets off topics, which uWS forbids while it walks them. */
  sweep(audience: Audience): void {
    audience.unsweptBytes = 0;
    let keptFrom = audience.published;
    for (const connection of audience.subscribers) {
      const { lag, ws } = connection;
      if (ws === undefined || lag?.isLosing === true) continue;
      const unsent = ws.getBufferedAmount() + (lag === undefined ? 0 : lag.keptBytes);
      if (unsent > this.limitBytes) this.onSlow(connection, unsent);
      else if (lag !== undefined) keptFrom = Math.min(keptFrom, lag.keptFrom(audience));
      else if (unsent > this.unsentBytes) this.fallsBehind(connection);
    }
    audience.backlog?.forgetBefore(keptFrom);
  }

  /** A socket has drained some of its backpressure: one that is behind gets more, and one that is losing and well below
   *  the limit rejoins its topics. */
  onDrain(connection: Connection): void {
    const { lag, ws } = connection;
    if (lag === undefined || ws === undefined) return;
    if (!lag.isLosing) this.bringUp(connection, ws, this.unsentBytes >>> 1);
    else if (ws.getBufferedAmount() <= this.limitBytes >>> 1) {
      this.rejoin(connection);
      this.settle(connection, lag);
    }
  }

  /** A socket that is behind gets all that is kept for it now, and is behind no more: what it is sent by itself from
   *  here on comes after that. */
  handOver(connection: Connection): void {
    const { lag, ws } = connection;
    if (lag !== undefined && ws !== undefined && !lag.isLosing) this.bringUp(connection, ws, Number.POSITIVE_INFINITY);
  }

  /** Nobody is behind any more. */
  handOverAll(): void {
    for (const connection of this.behind) this.handOver(connection);
  }

  /** A socket has closed: what it missed until now is lost. */
  onClose(connection: Connection): void {
    const { lag } = connection;
    if (lag === undefined) return;
    for (const audience of lag.audiences()) audience.lagging--;
    this.settle(connection, lag);
  }

  /** Messages dropped by all sockets, those that are still losing included. */
  droppedMessages(): number {
    let total = this.counters.dropped;
    for (const connection of this.losing) total += this.missedBy(connection);
    return total;
  }

  /** Messages dropped by one socket, those that it is losing included. */
  droppedBy(connection: Connection): number {
    return connection.dropped + this.missedBy(connection);
  }

  /** Bytes that wait for one socket, in uWS or here. */
  unsentTo({ ws, lag }: Connection): number {
    return (ws?.getBufferedAmount() ?? 0) + (lag?.keptBytes ?? 0);
  }

  /** How many sockets are losing. */
  get laggingNow(): number {
    return this.losing.size;
  }

  private missedBy({ lag }: Connection): number {
    let missed = 0;
    if (lag?.isLosing) for (const audience of lag.audiences()) missed += lag.missed(audience);
    return missed;
  }

  private onSlow(connection: Connection, unsent: number): void {
    this.counters.slowConsumers++;
    if (this.policy === 'close') {
      this.observer.closed(connection, unsent);
      // Below uWS's limit, so the close frame queues behind what is buffered: a client that goes on reading learns why.
      connection.ws?.end(Close.slowConsumer, SLOW_CONSUMER);
      return;
    }
    const lag = connection.lag ?? this.takeOff(connection, connection.audiences());
    lag.lose();
    this.behind.delete(connection);
    this.losing.add(connection);
    this.observer.lagging(connection, unsent);
  }

  private fallsBehind(connection: Connection): void {
    const audiences = connection.audiences();
    if (audiences.length === 0 || audiences.length > MAX_AUDIENCES) return;
    this.takeOff(connection, audiences);
    this.behind.add(connection);
  }

  private takeOff(connection: Connection, audiences: readonly Audience[]): Lag<Connection, Audience> {
    const lag = new Lag<Connection, Audience>();
    for (const audience of audiences) {
      lag.start(audience);
      audience.lagging++;
    }
    park(connection, audiences);
    connection.lag = lag;
    return lag;
  }

  private rejoin(connection: Connection): void {
    const audiences = [...(connection.lag?.audiences() ?? [])];
    for (const audience of audiences) audience.lagging--;
    unpark(connection, audiences);
  }

  /** Sends what is kept for a socket, while it has no more than `maxUnsentBytes`; one that has all is no longer
   *  behind. */
  private bringUp(connection: Connection, ws: WebSocket<SocketState>, maxUnsentBytes: number): void {
    while (connection.lag !== undefined && connection.ws !== undefined) {
      if (ws.getBufferedAmount() > maxUnsentBytes) return;
      if (this.sendKept(connection, ws, connection.lag)) continue;
      this.rejoin(connection);
      this.settle(connection, connection.lag);
    }
  }

  /** Sends as much as fits uWS's cork buffer, so that it needs no buffer of the socket's own. False if there was
   *  nothing. */
  private sendKept(connection: Connection, ws: WebSocket<SocketState>, lag: Lag<Connection, Audience>): boolean {
    let room = CORK_BYTES;
    const ops = new OwnOps(connection);
    const send = ({ bytes, isBinary }: BacklogMessage<Connection>): void => {
      if (connection.dialect === 'raw') ws.send(bytes, isBinary);
      else ops.say(bytes);
      this.counters.delivered++;
      this.counters.deliveredBytes += bytes.length;
      room -= bytes.length + FRAME_HEADER_BYTES;
    };
    const audiences = [...lag.audiences()];
    const fill = (): void => {
      for (const audience of audiences) {
        for (let held = lag.next(audience, connection); held !== undefined; held = lag.next(audience, connection)) {
          if (held.bytes.length + FRAME_HEADER_BYTES > room) return;
          send(held);
          lag.serve(audience);
        }
      }
    };
    ws.cork(() => {
      fill();
      ops.end();
    });
    if (room < CORK_BYTES) return true;
    // Nothing is left, or the next message is larger than the cork buffer: uWS writes that one as it is.
    for (const audience of audiences) {
      const held = lag.next(audience, connection);
      if (held === undefined) continue;
      send(held);
      ops.end();
      lag.serve(audience);
      return true;
    }
    return false;
  }

  private settle(connection: Connection, lag: Lag<Connection, Audience>): void {
    connection.lag = undefined;
    this.losing.delete(connection);
    this.behind.delete(connection);
    for (const audience of [...lag.audiences()]) {
      const lost = lag.missed(audience);
      lag.forget(audience);
      if (lost === 0) continue;
      connection.dropped += lost;
      this.counters.dropped += lost;
      if (connection.ws !== undefined) this.observer.recovered(connection, audience, lost);
    }
  }
}
