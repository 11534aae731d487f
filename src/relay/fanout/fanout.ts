// The hot path: how a message reaches a topic's subscribers, with one send() per subscriber and wake-up as the bound.
//
// uWS keeps at most 32 pending messages per subscriber, and while a `message` handler runs, the loop's only cork buffer
// is the sender's. The 33rd message of a burst published in the handler therefore drains every subscriber one send() a
// message. So: a small audience gets a topic's first 31 messages of a loop iteration directly, everything else is
// queued and flushed in setImmediate, where the cork buffer is free. There, up to 32 messages go through uWS's topic
// tree (one send() per subscriber); more are written subscriber by subscriber under its own cork (one send() per 16 KiB
// instead of one per 32 messages). Measured in docs/performance.md; the command that measures it is `npm run
// bench:fanout`.

import type { TemplatedApp } from '../uws.js';
import type { Counters } from '../watch/counters.js';
import type { Audience, Connection } from './audience.js';
import { Batch } from './audience.js';
import { loopIteration } from './loop-iteration.js';
import { Slab } from './slab.js';
import type { SlowConsumers } from './slow.js';

/** uWS's limit of pending messages per subscriber: one more, and it drains that subscriber at once. */
const TREE_LIMIT = 32;
/** Direct messages of an audience in one loop iteration: one short of the limit, for what uWS itself may add. */
const DIRECT_LIMIT = TREE_LIMIT - 1;
/** So many direct messages are counted until the loop is asked whether it has turned meanwhile: twice as many fit the
 *  limit. */
const DIRECT_RECOUNT_AFTER = DIRECT_LIMIT >> 1;
/** From this many subscribers on a message is always queued: its copy (about 100 ns) no longer shows beside the
 *  sends. */
const QUEUE_FROM_SUBSCRIBERS = 32;
/** Messages of this size pass uWS's cork buffer by, so neither bursts nor queueing change what they cost: direct. */
const UNBUFFERED_BYTES = 16 * 1024;

/** One publish in so many is timed until its messages are written: a clock read and an Immediate, spread over the
 *  rest. */
const TIME_EVERY = 64;

export class FanOut {
  private app: TemplatedApp;
  /** Apps of sockets that came in with an earlier certificate: each has topics of its own. */
  private older: readonly TemplatedApp[] | undefined;
  private readonly slow: SlowConsumers;
  private readonly counters: Counters;
  private readonly compress: boolean;
  private readonly slab = new Slab();
  private readonly spareBatches: Batch[] = [];
  private readonly awaiting: Audience[] = [];
  private scheduled = false;
  private untilTimed = 1;
  /** When the publish being timed came in; 0 while none is. */
  private timedFromMs = 0;
  // What `sendRun` writes: fields rather than a closure, for it runs once a subscriber.
  private run: Batch = new Batch();
  private runFrom = 0;
  private runTo = 0;
  private receiver: Connection | undefined;

  constructor(app: TemplatedApp, slow: SlowConsumers, counters: Counters, compress: boolean) {
    this.app = app;
    this.slow = slow;
    this.counters = counters;
    this.compress = compress;
  }

  /** @param older Apps beside `app` that have sockets; undefined where there are none */
  useApps(app: TemplatedApp, older: readonly TemplatedApp[] | undefined): void {
    this.app = app;
    this.older = older;
  }

  /**
   * Fans `message` out to every subscriber of `audience` but `sender`, in the order of the calls. The message is read
   * before this returns, or copied. Call it from anywhere; a closed or lagging sender is fine.
   */
  publish(
    audience: Audience,
    sender: Connection | undefined,
    message: ArrayBuffer | Uint8Array,
    isBinary: boolean,
  ): void {
    if (--this.untilTimed === 0) this.startTiming();
    if (audience.batch === undefined && audience.unsweptBytes <= this.slow.sweepEveryBytes) {
      if (message.byteLength >= UNBUFFERED_BYTES) {
        this.publishNow(audience, sender, message, isBinary);
        if (audience.unsweptBytes > this.slow.sweepEveryBytes) this.awaitFlush(audience);
        return;
      }
      if (audience.subscribers.size < QUEUE_FROM_SUBSCRIBERS && audience.direct < DIRECT_LIMIT) {
        if (audience.direct === audience.countedFrom) audience.countedSince = loopIteration();
        this.publishNow(audience, sender, message, isBinary);
        if (++audience.direct === audience.countedFrom + DIRECT_RECOUNT_AFTER) this.recount(audience);
        if (audience.unsweptBytes > this.slow.sweepEveryBytes) this.awaitFlush(audience);
        return;
      }
    }
    audience.batch ??= this.spareBatches.pop() ?? new Batch();
    audience.batch.add(this.slab.copy(message), isBinary, sender);
    this.awaitFlush(audience);
  }

  /** Delivers what is queued. Runs by itself at the end of the loop iteration; call it before sockets are closed. */
  readonly flush = (): void => {
    this.scheduled = false;
    // A flush may close sockets, whose close handlers may publish: the list can grow while it is walked.
    for (let i = 0; i < this.awaiting.length; i++) {
      const audience = this.awaiting[i] as Audience;
      audience.awaitsFlush = false;
      const batch = audience.batch;
      if (batch !== undefined) {
        audience.batch = undefined;
        this.deliver(audience, batch);
        batch.clear();
        this.spareBatches.push(batch);
      }
      audience.direct = audience.countedFrom = 0;
      if (audience.unsweptBytes > this.slow.sweepEveryBytes) this.slow.sweep(audience);
    }
    this.awaiting.length = 0;
    if (this.timedFromMs !== 0) this.endTiming();
    this.slab.reset();
  };

  /** Delivers what is queued, and gives memory back: uWS keeps the handlers of a closed App, and with them the relay,
   *  for ever. */
  stop(): void {
    this.flush();
    this.slab.free();
  }

  /** Delivers what is queued for one audience: whoever joins it after this call gets nothing that was published
   *  before. */
  settle(audience: Audience): void {
    const { batch } = audience;
    if (batch === undefined) return;
    audience.batch = undefined;
    audience.direct += batch.count;
    this.deliver(audience, batch);
    batch.clear();
    this.spareBatches.push(batch);
  }

  /** Where the loop has turned, at most the messages counted last are pending: all before them have been written. Where
   *  it has not, a burst is on, and a flush must set the count back. */
  private recount(audience: Audience): void {
    if (audience.countedSince === loopIteration()) this.awaitFlush(audience);
    else audience.direct = audience.countedFrom = DIRECT_RECOUNT_AFTER;
  }

  /** Something was sent to a subscriber of the audience by itself: it counts for its backpressure. */
  sentBeside(audience: Audience, bytes: number): void {
    audience.unsweptBytes += bytes;
    if (audience.unsweptBytes > this.slow.sweepEveryBytes) this.awaitFlush(audience);
  }

  private awaitFlush(audience: Audience): void {
    if (audience.awaitsFlush) return;
    audience.awaitsFlush = true;
    this.awaiting.push(audience);
    this.scheduleFlush();
  }

  private scheduleFlush(): void {
    if (this.scheduled) return;
    this.scheduled = true;
    setImmediate(this.flush);
  }

  private startTiming(): void {
    this.untilTimed = TIME_EVERY;
    this.timedFromMs = performance.now();
    // A message published directly waits in uWS until the same end of the loop iteration.
    this.scheduleFlush();
  }

  private endTiming(): void {
    this.counters.publishToFlushUs.observe(Math.round((performance.now() - this.timedFromMs) * 1000));
    this.timedFromMs = 0;
  }

  private publishNow(
    audience: Audience,
    sender: Connection | undefined,
    message: ArrayBuffer | Uint8Array,
    isBinary: boolean,
  ): void {
    const isSubscriber = this.account(audience, sender, message.byteLength);
    // A sender that is no subscriber has nothing to be left out of, and uWS refuses ws.publish to a socket without
    // topics.
    if (isSubscriber) sender?.ws?.publish(audience.key, message, isBinary, this.compress);
    else this.app.publish(audience.key, message, isBinary, this.compress);
    if (this.older !== undefined)
      this.publishElsewhere(isSubscriber ? sender?.app : this.app, audience, message, isBinary);
  }

  /** Publishes on every App but the one that has it. */
  private publishElsewhere(
    done: TemplatedApp | undefined,
    { key }: Audience,
    message: ArrayBuffer | Uint8Array,
    isBinary: boolean,
  ): void {
    if (this.app !== done) this.app.publish(key, message, isBinary, this.compress);
    for (const app of this.older ?? []) {
      if (app !== done) app.publish(key, message, isBinary, this.compress);
    }
  }

  /** Delivers a batch to an audience now, in one write a subscriber. Not inside a `message` handler. */
  deliver(audience: Audience, batch: Batch): void {
    if (audience.direct + batch.count <= TREE_LIMIT) {
      for (let i = 0; i < batch.count; i++) {
        this.publishNow(audience, batch.senders[i], batch.messages[i] as Uint8Array, batch.binary[i] as boolean);
        if (audience.unsweptBytes > this.slow.sweepEveryBytes) this.slow.sweep(audience);
      }
      return;
    }
    this.run = batch;
    this.runTo = 0;
    while (this.runTo < batch.count) {
      this.runFrom = this.runTo;
      do {
        const message = batch.messages[this.runTo] as Uint8Array;
        this.account(audience, batch.senders[this.runTo], message.byteLength);
        this.runTo++;
      } while (this.runTo < batch.count && audience.unsweptBytes <= this.slow.sweepEveryBytes);
      for (const subscriber of audience.subscribers) {
        if (subscriber.lag !== undefined) continue;
        this.receiver = subscriber;
        subscriber.ws?.cork(this.sendRun);
      }
      if (audience.unsweptBytes > this.slow.sweepEveryBytes) this.slow.sweep(audience);
    }
  }

  private readonly sendRun = (): void => {
    const receiver = this.receiver as Connection;
    const ws = receiver.ws as NonNullable<Connection['ws']>;
    const { messages, binary, senders } = this.run;
    for (let i = this.runFrom; i < this.runTo; i++) {
      if (senders[i] !== receiver) ws.send(messages[i] as Uint8Array, binary[i] as boolean, this.compress);
    }
  };

  /** Counts one message of `size` bytes, at the moment it goes out to the audience. Says whether its sender is a
   *  subscriber (and so still open: a socket that closes leaves its topics). */
  private account(audience: Audience, sender: Connection | undefined, size: number): boolean {
    let receivers = audience.subscribers.size - audience.lagging;
    const isSubscriber = sender !== undefined && audience.subscribers.has(sender);
    if (isSubscriber) {
      if (sender.lag === undefined) receivers--;
      else sender.lag.owesNothingFor(audience);
    }
    audience.published++;
    audience.unsweptBytes += size;
    this.counters.delivered += receivers;
    this.counters.fanOut.observe(receivers);
    this.counters.deliveredBytes += receivers * size;
    return isSubscriber;
  }
}
