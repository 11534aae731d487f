// What the relay counts: plain numbers, so that counting costs an addition, read by logs, metrics and /stats.

import { Distribution } from './distribution.js';

export class Counters {
  /** Sockets opened and closed since the start. */
  opened = 0;
  closed = 0;
  /** Messages and payload bytes received from publishers. */
  published = 0;
  bytesIn = 0;
  /** Messages and payload bytes handed to subscribers' sockets. */
  delivered = 0;
  bytesOut = 0;
  /** Messages that lagging sockets missed and have been told of or closed over (drop mode). */
  dropped = 0;
  /** Times that a socket was found over the backpressure limit. */
  slowConsumers = 0;
  /** Sockets that uWS cut or the relay closed for what they sent or were, and sockets that fell silent, by reason. */
  readonly cut: Record<CutReason, number> = {
    tooBig: 0,
    badUtf8: 0,
    protocol: 0,
    idle: 0,
    expired: 0,
    forbidden: 0,
    rate: 0,
    kicked: 0,
  };
  /** Messages that publishers sent and the relay did not take, by reason. */
  readonly rejected: Record<RejectReason, number> = { forbidden: 0, rate: 0 };
  /** Subscriptions that asked to recover, by what became of it. */
  readonly recoveries: Record<RecoveryOutcome, number> = {
    recovered: 0,
    noHistory: 0,
    epochChanged: 0,
    tooOld: 0,
    unknownPosition: 0,
  };
  /** Messages replayed to subscribers that came back. */
  replayed = 0;
  /** Upgrades and requests refused, by the stable code of the refusal. */
  readonly refused = new Map<string, number>();

  /** Subscribers that a message went to. */
  readonly fanOut = new Distribution();
  /** Microseconds from a sampled publish until it was written to the sockets. */
  readonly publishToFlushUs = new Distribution();

  refuse(code: string): void {
    this.refused.set(code, (this.refused.get(code) ?? 0) + 1);
  }
}

export type CutReason = 'tooBig' | 'badUtf8' | 'protocol' | 'idle' | 'expired' | 'forbidden' | 'rate' | 'kicked';
export type RejectReason = 'forbidden' | 'rate';
export type RecoveryOutcome = 'recovered' | 'noHistory' | 'epochChanged' | 'tooOld' | 'unknownPosition';
