// The topics that a node has subscribed to at NATS: while it has subscribers of them, and a little longer.
import type { Msg, NatsConnection, Subscription } from '@nats-io/transport-node';
import type { SampledWarnings } from '../base/log.js';
import type { Interest } from './bus.js';
import { topicSubject } from './subject.js';

/** How long a subscription outlives its topic's last subscriber: one that returns finds it, and a page that reloads
 *  a thousand times costs NATS nothing. Meanwhile the topic's messages arrive unused. */
const UNSUBSCRIBE_AFTER_MS = 5000;
const SWEEP_MS = 1000;
/** How many topics may be kept like this, so that a client that tries name after name costs NATS no more. */
const MAX_LEAVING = 500;

export class NatsInterest implements Interest {
  private nats: NatsConnection | undefined;
  /** By topic. Undefined until there is a connection. */
  private readonly subscriptions = new Map<string, Subscription | undefined>();
  /** Topics without subscribers here, and when they are given up, in that order. */
  private readonly leaving = new Map<string, number>();
  private readonly sweeping: NodeJS.Timeout;

  constructor(
    private readonly prefix: string,
    private readonly warnings: SampledWarnings,
    private readonly onMessage: (topic: string, message: Msg) => void,
  ) {
    this.sweeping = setInterval(() => this.sweep(), SWEEP_MS).unref();
  }

  get size(): number {
    return this.subscriptions.size;
  }

  subscribe(topic: string): void {
    if (this.leaving.delete(topic) || this.subscriptions.has(topic)) return;
    const { nats } = this;
    this.subscriptions.set(topic, nats === undefined || nats.isClosed() ? undefined : this.subscribeAt(nats, topic));
  }

  unsubscribe(topic: string): void {
    if (!this.subscriptions.has(topic)) return;
    this.leaving.set(topic, performance.now() + UNSUBSCRIBE_AFTER_MS);
    if (this.leaving.size > MAX_LEAVING) this.giveUp(this.leaving.keys().next().value as string);
  }

  /** Connected. From now on the client library itself subscribes again after each reconnect. */
  attach(nats: NatsConnection): void {
    this.nats = nats;
    for (const topic of this.subscriptions.keys()) this.subscriptions.set(topic, this.subscribeAt(nats, topic));
  }

  /** The connection is gone for good; the next one gets all subscriptions anew. */
  detach(): void {
    this.nats = undefined;
    for (const topic of this.subscriptions.keys()) this.subscriptions.set(topic, undefined);
  }

  stop(): void {
    clearInterval(this.sweeping);
  }

  private subscribeAt(nats: NatsConnection, topic: string): Subscription {
    return nats.subscribe(topicSubject(this.prefix, topic), {
      callback: (error, message) => {
        if (error === null) this.onMessage(topic, message);
        else this.warnings.warn('NATS refuses a subscription', { topic, reason: error.message });
      },
    });
  }

  /** Unsubscribes from the topics whose time is up. */
  private sweep(): void {
    const now = performance.now();
    for (const [topic, at] of this.leaving) {
      if (at > now) return;
      this.giveUp(topic);
    }
  }

  private giveUp(topic: string): void {
    this.leaving.delete(topic);
    this.subscriptions.get(topic)?.unsubscribe();
    this.subscriptions.delete(topic);
  }
}
