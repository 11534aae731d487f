// The hot path: how a message reaches a topic's subscribers, with one send() per subscriber and wake-up as the bound.
//
// uWS keeps at most 32 pending messages per subscriber, and while a `message` handler runs, the loop's only cork buffer
// is the sender's. The 33rd message of a burst published in the handler therefore drains every subscriber one send() a
// message. So: the first 31 messages of a loop iteration go out directly, everything else is queued and flushed in
// setImmediate, where the cork buffer is free. There, up to 32 messages go through uWS's topic tree (one send() per
// subscriber); more are written subscriber by subscriber under its own cork (one send() per 16 KiB, which is what the
// cork buffer holds, instead of one per 32 messages). After a burst that was longer, a large audience queues from the
// first message on for some iterations: what went out directly would have cost each subscriber a send() more than the
// burst needs. Measured in docs/performance.md; the command that measures it is `npm run bench:fanout`.

import { CORK_BYTES, FRAME_HEADER_BYTES, utf8 } from '../bytes.js';
import type { TemplatedApp } from '../uws.js';
import type { Counters } from '../watch/counters.js';
import type { Audience, Connection } from './audience.js';
import { Batch } from './batch.js';
import { BatchFrame, sendToEach } from './batch-frame.js';
import { loopIteration } from './loop-iteration.js';
import { isIn } from './membership.js';
import { PublishTimer } from './publish-timer.js';
import { Slab } from './slab.js';
import type { SlowConsumers } from './slow.js';
import { TopicTree } from './topic-tree.js';

/** uWS's limit of pending messages per subscriber: one more, and it drains that subscriber at once. */
const TREE_LIMIT = 32;
/** Direct messages of an audience in one loop iteration: one short of the limit, for what uWS itself may add. A burst
 *  of one more is two send() a subscriber, for what is queued goes out after what was direct. */
const DIRECT_LIMIT = TREE_LIMIT - 1;
/** Direct messages after which the loop is asked whether it has turned. Twice as many fit the limit. */
const DIRECT_RECOUNT_AFTER = DIRECT_LIMIT >> 1;
/** From this many subscribers on one more send() to each is dearer than the copies of a burst. */
const LARGE_AUDIENCE = 32;
/** Flushes without a burst until a large audience is published to directly again: bursts tend to come together. */
const CALM_FLUSHES = 16;
/** Messages of this size pass uWS's cork buffer by, so neither bursts nor queueing change what they cost: direct. */
const UNBUFFERED_BYTES = 16 * 1024;

/** A frame of several messages takes no more of them once it has so many bytes: its reader waits for all of it. */
const MAX_FRAME_BYTES = 256 * 1024;

export class FanOut {
  private readonly tree: TopicTree;
  private readonly slow: SlowConsumers;
  private readonly counters: Counters;
  private readonly compress: boolean;
  private readonly slab = new Slab();
  private readonly frame = new BatchFrame();
  private readonly spareBatches: Batch<Connection>[] = [];
  private readonly awaiting: Audience[] = [];
  private scheduled = false;
  private readonly timer: PublishTimer;
  // What `sendRun` writes: fields rather than a closure, for it runs once a subscriber.
  private run: Batch<Connection> = new Batch();
  private runFrom = 0;
  private runTo = 0;
  private receiver: Connection | undefined;

  constructor(app: TemplatedApp, slow: SlowConsumers, counters: Counters, compress: boolean) {
    this.tree = new TopicTree(app, compress);
    this.slow = slow;
    this.counters = counters;
    this.timer = new PublishTimer(counters.publishToFlushUs);
    this.compress = compress;
  }

  /** @param older Apps beside `app` that have sockets; undefined where there are none */
  useApps(app: TemplatedApp, older: readonly TemplatedApp[] | undefined): void {
    this.tree.useApps(app, older);
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
    // A message published directly waits in uWS until the same end of the loop iteration.
    if (this.timer.starts(this.scheduled)) this.scheduleFlush();
    if (audience.batch === undefined && audience.unsweptBytes <= this.slow.sweepEveryBytes) {
      if (message.byteLength >= UNBUFFERED_BYTES) {
        this.publishNow(audience, sender, message, isBinary);
        if (audience.unsweptBytes > this.slow.sweepEveryBytes) this.awaitFlush(audience);
        return;
      }
      if (!audience.isOnTree) {
        if (this.publishAlone(audience, sender, message, isBinary)) return;
      } else if (
        audience.direct < DIRECT_LIMIT &&
        (audience.expectsBursts === 0 || audience.subscribers.size < LARGE_AUDIENCE)
      ) {
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

  /** Publishes the first message of a loop iteration to a small audience off the tree that expects no others. Says
   *  whether it was that. */
  private publishAlone(
    audience: Audience,
    sender: Connection | undefined,
    message: ArrayBuffer | Uint8Array,
    isBinary: boolean,
  ): boolean {
    if (audience.expectsBursts > 0 || audience.subscribers.size >= LARGE_AUDIENCE) return false;
    const iteration = loopIteration();
    if (iteration === audience.countedSince) {
      // There is another, or this Node.js cannot tell iterations apart.
      audience.expectsBursts = CALM_FLUSHES;
      return false;
    }
    audience.countedSince = iteration;
    this.publishNow(audience, sender, message, isBinary);
    if (audience.unsweptBytes > this.slow.sweepEveryBytes) this.awaitFlush(audience);
    return true;
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
        if (audience.direct + batch.count > (audience.isOnTree ? DIRECT_LIMIT : 1))
          audience.expectsBursts = CALM_FLUSHES;
        else if (audience.expectsBursts > 0) audience.expectsBursts--;
        this.deliver(audience, batch);
        batch.clear();
        this.spareBatches.push(batch);
      }
      audience.direct = audience.countedFrom = 0;
      if (audience.unsweptBytes > this.slow.sweepEveryBytes) this.slow.sweep(audience);
    }
    this.awaiting.length = 0;
    this.timer.flushed();
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

  /** Where the loop has turned since it was asked last, at most the messages counted since are pending: all before them
   *  have been written. Where it has not, a burst is on, and a flush must set the count back. */
  private recount(audience: Audience): void {
    const iteration = loopIteration();
    if (audience.countedSince === iteration) this.awaitFlush(audience);
    else {
      audience.direct = audience.countedFrom = DIRECT_RECOUNT_AFTER;
      audience.countedSince = iteration;
    }
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

  private publishNow(
    audience: Audience,
    sender: Connection | undefined,
    message: ArrayBuffer | Uint8Array,
    isBinary: boolean,
  ): void {
    const isSubscriber = this.account(audience, sender, message.byteLength);
    if (audience.isOnTree) this.tree.publish(audience.key, isSubscriber ? sender : undefined, message, isBinary);
    else sendToEach(audience, sender, message, isBinary, this.compress);
  }

  /** Delivers a batch to an audience now, in one write a subscriber. Not inside a `message` handler. */
  deliver(audience: Audience, batch: Batch<Connection>): void {
    if (audience.isBatched && batch.count > 1) {
      this.deliverInFrames(audience, batch);
      return;
    }
    const fits = audience.isOnTree ? audience.direct + batch.count <= TREE_LIMIT : batch.count === 1;
    // What the cork buffer has no room for goes by runs that it has, not through buffers of all subscribers' own.
    if (fits && (batch.count === 1 || batch.bytes <= CORK_BYTES)) {
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
      for (let room = CORK_BYTES; this.runTo < batch.count; this.runTo++) {
        const { byteLength } = batch.messages[this.runTo] as Uint8Array;
        room -= byteLength + (byteLength < 126 ? 2 : FRAME_HEADER_BYTES);
        const isFirst = this.runTo === this.runFrom;
        if (!isFirst && (room < 0 || audience.unsweptBytes > this.slow.sweepEveryBytes)) break;
        this.account(audience, batch.senders[this.runTo], byteLength);
      }
      for (const subscriber of audience.subscribers) {
        if (subscriber.lag !== undefined) continue;
        this.receiver = subscriber;
        subscriber.ws?.cork(this.sendRun);
      }
      if (audience.unsweptBytes > this.slow.sweepEveryBytes) this.slow.sweep(audience);
    }
  }

  /** Delivers a batch as one frame, or a few where it is large. */
  private deliverInFrames(audience: Audience, batch: Batch<Connection>): void {
    for (let from = 0, to = 0; from < batch.count; from = to) {
      let bytes = 0;
      do {
        const { length } = batch.messages[to] as Uint8Array;
        this.account(audience, batch.senders[to], length);
        bytes += length;
        to++;
      } while (to < batch.count && audience.unsweptBytes <= this.slow.sweepEveryBytes && bytes < MAX_FRAME_BYTES);
      this.frame.make(batch, from, to, utf8(audience.topic.head));
      this.frame.sendTo(audience.subscribers, this.compress);
      if (audience.unsweptBytes > this.slow.sweepEveryBytes) this.slow.sweep(audience);
    }
    this.frame.clear();
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
    const isSubscriber = sender !== undefined && isIn(sender, audience);
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
