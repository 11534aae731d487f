// The hot path: how a message reaches a topic's subscribers, with at most one send() per subscriber and wake-up.
//
// uWS keeps at most 32 pending messages per subscriber, and while a `message` handler runs, the sender holds the loop's
// only cork buffer. The 33rd message of a burst published in the handler would therefore drain every subscriber with
// one send() per message. So the first 31 messages of a loop iteration go out directly; all others are queued and
// flushed in setImmediate, where the cork buffer is free. There, up to 32 messages go through uWS's topic tree (one
// send() per subscriber). More are written subscriber by subscriber under its own cork: one send() per 16 KiB, the size
// of the cork buffer, instead of one per 32 messages. After a longer burst, a large audience queues from the first
// message on for some iterations: messages sent directly would cost each subscriber one send() more than the burst
// needs. Measured in docs/performance.md with `npm run bench:fanout`.

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

/** uWS's limit of pending messages per subscriber: with one more, it drains that subscriber at once. */
const TREE_LIMIT = 32;
/** Direct messages of an audience in one loop iteration: one below the limit, for what uWS itself may add. A burst
 *  of one more takes two send() calls per subscriber, since the queued part goes out after the direct one. */
const DIRECT_LIMIT = TREE_LIMIT - 1;
/** After this many direct messages, checks whether the loop has begun a new iteration. Twice as many fit the limit. */
const DIRECT_RECOUNT_AFTER = DIRECT_LIMIT >> 1;
/** From this many subscribers on, one more send() to each costs more than copying the messages of a burst. */
const LARGE_AUDIENCE = 32;
/** Flushes without a burst until messages to a large audience go out directly again: bursts tend to come together. */
const CALM_FLUSHES = 16;
/** Messages of this size bypass uWS's cork buffer, so queueing them saves nothing: they go out directly. */
const UNBUFFERED_BYTES = 16 * 1024;

/** A frame of several messages takes no more once it has this many bytes, since its reader must wait for all of it. */
const MAX_FRAME_BYTES = 256 * 1024;

export class FanOut {
  private readonly tree: TopicTree;
  private readonly slab = new Slab();
  private readonly frame = new BatchFrame();
  private readonly spareBatches: Batch<Connection>[] = [];
  private readonly awaiting: Audience[] = [];
  private scheduled = false;
  private readonly timer: PublishTimer;
  // What `sendRun` writes: fields rather than a closure, since it runs once per subscriber.
  private run: Batch<Connection> = new Batch();
  private runFrom = 0;
  private runTo = 0;
  private receiver: Connection | undefined;

  constructor(
    app: TemplatedApp,
    readonly slow: SlowConsumers,
    private readonly counters: Counters,
    private readonly compress: boolean,
  ) {
    this.tree = new TopicTree(app, compress);
    this.timer = new PublishTimer(counters.publishToFlushUs);
  }

  /** @param older Apps beside `app` that still have sockets; undefined if there are none */
  useApps(app: TemplatedApp, older: readonly TemplatedApp[] | undefined): void {
    this.tree.useApps(app, older);
  }

  /** Fans `message`, of `size` bytes, out to every subscriber of `audience` except `sender`, in the order of the
   *  calls. The message is read or copied before this returns. It may be called from anywhere, with a sender that has
   *  closed or lags. The size is passed on, since `byteLength` of what may be an ArrayBuffer or a view of one takes
   *  V8 10 to 30 ns each time. */
  publish(
    audience: Audience,
    sender: Connection | undefined,
    message: ArrayBuffer | Uint8Array,
    isBinary: boolean,
    size: number,
  ): void {
    // The timer fits direct messages too: uWS writes them at the end of the same loop iteration.
    if (this.timer.starts(this.scheduled)) this.scheduleFlush();
    if (audience.batch === undefined && audience.unsweptBytes <= this.slow.sweepEveryBytes) {
      if (size >= UNBUFFERED_BYTES) {
        this.publishNow(audience, sender, message, isBinary, size);
        if (audience.unsweptBytes > this.slow.sweepEveryBytes) this.awaitFlush(audience);
        return;
      }
      if (!audience.isOnTree) {
        if (this.publishAlone(audience, sender, message, isBinary, size)) return;
      } else if (
        audience.direct < DIRECT_LIMIT &&
        (audience.expectsBursts === 0 || audience.subscribers.size < LARGE_AUDIENCE)
      ) {
        this.publishNow(audience, sender, message, isBinary, size);
        if (++audience.direct === audience.countedFrom + DIRECT_RECOUNT_AFTER) this.recount(audience);
        if (audience.unsweptBytes > this.slow.sweepEveryBytes) this.awaitFlush(audience);
        return;
      }
    }
    audience.batch ??= this.spareBatches.pop() ?? new Batch();
    audience.batch.add(this.slab.copy(message, size), isBinary, sender);
    this.awaitFlush(audience);
  }

  /** Publishes at once if this is the first message of the loop iteration, to a small audience without a uWS topic
   *  that expects no burst. Returns whether it did. */
  private publishAlone(
    audience: Audience,
    sender: Connection | undefined,
    message: ArrayBuffer | Uint8Array,
    isBinary: boolean,
    size: number,
  ): boolean {
    if (audience.expectsBursts > 0 || audience.subscribers.size >= LARGE_AUDIENCE) return false;
    const iteration = loopIteration();
    if (iteration === audience.countedSince) {
      // A second message in this iteration, or this Node.js cannot tell iterations apart.
      audience.expectsBursts = CALM_FLUSHES;
      return false;
    }
    audience.countedSince = iteration;
    this.publishNow(audience, sender, message, isBinary, size);
    if (audience.unsweptBytes > this.slow.sweepEveryBytes) this.awaitFlush(audience);
    return true;
  }

  /** Delivers what is queued. Runs by itself at the end of the loop iteration; call it before closing sockets. */
  readonly flush = (): void => {
    this.scheduled = false;
    // A flush may close sockets, and their close handlers may publish: the list can grow during this loop.
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

  /** Delivers what is queued, and releases memory: uWS keeps the handlers of a closed App, and with them the relay. */
  stop(): void {
    this.flush();
    this.slab.free();
  }

  /** Delivers what is queued for one audience, so that a socket that joins it after this call gets nothing published
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

  /** If the loop has begun a new iteration since the last check, only the messages counted since then can be
   *  pending. If it has not, a burst is under way, and a flush must reset the count. */
  private recount(audience: Audience): void {
    const iteration = loopIteration();
    if (audience.countedSince === iteration) this.awaitFlush(audience);
    else {
      audience.direct = audience.countedFrom = DIRECT_RECOUNT_AFTER;
      audience.countedSince = iteration;
    }
  }

  /** Counts bytes that were sent to one subscriber of the audience alone, since they add to its backpressure. */
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
    size: number,
  ): void {
    const isListening = this.account(audience, sender, message, isBinary, size);
    if (audience.isOnTree) this.tree.publish(audience.key, isListening ? sender : undefined, message, isBinary);
    else sendToEach(audience, sender, message, isBinary, this.compress);
  }

  /** Delivers a batch to an audience now, with one write per subscriber. Do not call it inside a `message` handler. */
  deliver(audience: Audience, batch: Batch<Connection>): void {
    if (audience.isBatched && batch.count > 1) {
      this.deliverInFrames(audience, batch);
      return;
    }
    const fits = audience.isOnTree ? audience.direct + batch.count <= TREE_LIMIT : batch.count === 1;
    // More bytes than the cork buffer holds would go through a buffer of each subscriber's own: write them in runs that
    // fit.
    if (fits && (batch.count === 1 || batch.bytes <= CORK_BYTES)) {
      for (let i = 0; i < batch.count; i++) {
        const message = batch.messages[i] as Uint8Array;
        this.publishNow(audience, batch.senders[i], message, batch.binary[i] as boolean, message.length);
        if (audience.unsweptBytes > this.slow.sweepEveryBytes) this.slow.sweep(audience);
      }
      return;
    }
    this.run = batch;
    this.runTo = 0;
    while (this.runTo < batch.count) {
      this.runFrom = this.runTo;
      for (let room = CORK_BYTES; this.runTo < batch.count; this.runTo++) {
        const message = batch.messages[this.runTo] as Uint8Array;
        const { length } = message;
        room -= length + (length < 126 ? 2 : FRAME_HEADER_BYTES);
        const isFirst = this.runTo === this.runFrom;
        if (!isFirst && (room < 0 || audience.unsweptBytes > this.slow.sweepEveryBytes)) break;
        this.account(audience, batch.senders[this.runTo], message, batch.binary[this.runTo] as boolean, length);
      }
      for (const subscriber of audience.subscribers) {
        if (subscriber.lag !== undefined) continue;
        this.receiver = subscriber;
        subscriber.ws?.cork(this.sendRun);
      }
      if (audience.unsweptBytes > this.slow.sweepEveryBytes) this.slow.sweep(audience);
    }
  }

  /** Delivers a batch as one frame, or as several if it is large. */
  private deliverInFrames(audience: Audience, batch: Batch<Connection>): void {
    for (let from = 0, to = 0; from < batch.count; from = to) {
      let bytes = 0;
      do {
        const message = batch.messages[to] as Uint8Array;
        this.account(audience, batch.senders[to++], message, false, message.length);
        bytes += message.length;
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

  /** Counts one message of `size` bytes as it goes out to the audience, and keeps it for those that are behind.
   *  Returns whether its sender gets live messages of the audience, and so is still open. */
  private account(
    audience: Audience,
    sender: Connection | undefined,
    message: ArrayBuffer | Uint8Array,
    isBinary: boolean,
    size: number,
  ): boolean {
    let receivers = audience.subscribers.size - audience.lagging;
    const isListening = sender !== undefined && isIn(sender, audience) && sender.lag === undefined;
    if (isListening) receivers--;
    else sender?.lag?.owesNothingFor(audience);
    audience.backlog?.add(message, isBinary, sender, size);
    audience.published++;
    audience.unsweptBytes += size;
    this.counters.delivered += receivers;
    this.counters.fanOut.observe(receivers);
    this.counters.deliveredBytes += receivers * size;
    return isListening;
  }
}
