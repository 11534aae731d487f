// A window out of which the newest message goes, or the newest of each key, in the order of their last update. A socket
// that has not read what it was sent is passed over, and gets what is newest once it has: it holds nothing meanwhile,
// since what it will get is kept once for all.
import { MAX_KEYS } from '../../config/state-rules.js';
import type { Audience, Connection, Dialect, Publication, Topic } from '../fanout/audience.js';
import { attach, detach } from '../fanout/membership.js';
import { OwnOps } from '../fanout/own-ops.js';
import { type AudienceAccess, type Drainable, Lane, type LaneContext } from './lane.js';
import { bytesOf, copyOver, type Waiting, waiting } from './waiting.js';
import type { WindowClock } from './window-clock.js';

/** A socket that catches up and has this many unsent bytes is left alone until it has drained. */
const PAUSE_BYTES = 64 * 1024;

/** A socket that has not read what it was sent. */
interface Stalled {
  readonly dialect: Dialect;
  /** It has what the lane took up to here. */
  at: number;
  /** Messages up to `settledAt` are decided: it gets `owed` more of them, the others were replaced. */
  settledAt: number;
  owed: number;
  /** Replaced messages that are counted, and that it has not been told of. */
  untold: number;
}

export class LatestLane extends Lane {
  /** What the window will send, by key, and what it has sent that somebody has still to get; oldest update first. */
  private readonly pending = new Map<string, Waiting>();
  private readonly sent = new Map<string, Waiting>();
  private pendingBytes = 0;
  private sentBytes = 0;
  /** What the lane had taken at its last flush. */
  private flushedAt = 0;
  /** Whether that flush was one message: off the topic tree, each send then told whether its socket had bytes left. */
  private flushedOne = false;
  private readonly stalled = new Map<Connection, Stalled>();
  /** Messages of stalled subscribers in this window. */
  private readonly ownOfStalled = new Map<Connection, number>();
  /** Messages that newer ones had overtaken: the next message tells of them. */
  private unsaid = 0;

  constructor(
    topic: Topic,
    clock: WindowClock,
    context: LaneContext,
    audiences: AudienceAccess,
    /** The key of a message; always the same where the topic has only one. */
    private readonly keyOf: (message: Publication) => string,
  ) {
    super(topic, clock, context, audiences);
  }

  override get outside(): number {
    return super.outside + this.stalled.size;
  }

  override *enveloped(everybody: boolean): Iterable<Connection> {
    yield* super.enveloped(everybody);
    for (const [connection, { dialect }] of this.stalled) if (dialect !== 'raw') yield connection;
  }

  override leave(connection: Connection, dialect: Dialect): void {
    const stalled = this.stalled.get(connection);
    if (stalled === undefined) {
      super.leave(connection, dialect);
      return;
    }
    this.context.counters.conflated += this.flushedAt - stalled.settledAt + stalled.owed;
    this.resumed(connection);
  }

  protected override noteOwn(sender: Connection, count: number): void {
    if (!this.stalled.has(sender)) super.noteOwn(sender, count);
    else this.ownOfStalled.set(sender, (this.ownOfStalled.get(sender) ?? 0) + count);
  }

  override overtaken(message: Pick<Publication, 'sender' | 'replaced'>): void {
    super.overtaken(message);
    this.unsaid += 1 + message.replaced;
    if (this.isEmpty) this.settled();
  }

  laggingIn(): undefined {}

  onDrain(connection: Connection): void {
    const stalled = this.stalled.get(connection);
    const { ws } = connection;
    if (stalled === undefined || ws === undefined || ws.getBufferedAmount() > 0) return;
    this.bringUp(connection, ws, stalled, PAUSE_BYTES);
  }

  override handOver(connection: Connection, dialect: Dialect): void {
    const stalled = this.stalled.get(connection);
    const { ws } = connection;
    // All of it now, which the lane's bounds bound: it goes on elsewhere.
    if (stalled !== undefined && ws !== undefined) this.bringUp(connection, ws, stalled, Number.POSITIVE_INFINITY);
    super.handOver(connection, dialect);
  }

  /** Sends a stalled socket what is newest, while it has no more than `maxUnsentBytes`; one that has all is no longer
   *  stalled. */
  private bringUp(
    connection: Connection,
    ws: NonNullable<Connection['ws']>,
    stalled: Stalled,
    maxUnsentBytes: number,
  ): void {
    const due = [...this.sent.values()].filter(({ at, sender }) => at > stalled.at && sender !== connection);
    const conflated = this.flushedAt - stalled.settledAt + stalled.owed - due.length;
    this.context.counters.conflated += conflated;
    stalled.untold += conflated;
    stalled.settledAt = this.flushedAt;
    stalled.owed = due.length;
    let next = 0;
    const write = (): void => {
      const ops = new OwnOps(connection);
      for (; next < due.length && ws.getBufferedAmount() + ops.waiting <= maxUnsentBytes; next++) {
        const message = due[next] as Waiting;
        this.send(connection, ops, message, stalled.dialect, stalled.untold);
        stalled.at = message.at;
        stalled.untold = 0;
        stalled.owed--;
      }
      ops.end();
    };
    // Where the kernel takes all of a write at once, no drain tells of it.
    do ws.cork(write);
    while (next < due.length && connection.ws?.getBufferedAmount() === 0);
    if (stalled.owed > 0) return;
    const own = this.ownOfStalled.get(connection);
    this.resumed(connection);
    // Where nothing was left to tell it with what was replaced, the next message does.
    if (this.isEmpty && stalled.untold === 0) attach(connection, this.audiences.open(stalled.dialect));
    else this.joinLater(connection, stalled.dialect, this.flushedAt, own, stalled.untold);
  }

  protected get isEmpty(): boolean {
    return this.pending.size === 0;
  }

  protected keep(message: Publication): void {
    const key = this.keyOf(message);
    const before = this.pending.get(key);
    if (before !== undefined) {
      this.context.counters.conflated += this.receiversOf(before.sender);
      this.notWaiting(before);
      if (this.pending.size > 1) this.pending.delete(key); // so that it comes last
    }
    if (this.sent.size > 0) this.forgetSent(key);
    const replaced = message.replaced + this.unsaid + (before === undefined ? 0 : before.replaced + 1);
    this.unsaid = 0;
    const kept = waiting(message, this.taken, replaced, (bytes) => copyOver(before?.bytes, bytes));
    this.pending.set(key, kept);
    this.pendingBytes += kept.bytes.byteLength;
    const { held, maxBytes } = this.context;
    held.wait(bytesOf(kept));
    // Those who read miss no key, however many there are.
    if (this.pending.size > MAX_KEYS || this.pendingBytes > maxBytes) this.flushEarly();
    this.keepWithinBounds();
  }

  protected waiting(): Iterable<Waiting> {
    return this.pending.values();
  }

  /** Of all that was taken so far nothing waits. */
  private settled(): void {
    for (const [connection, own] of this.ownOfStalled) {
      const stalled = this.stalled.get(connection);
      if (stalled !== undefined) stalled.settledAt += own;
    }
    this.ownOfStalled.clear();
    this.flushedAt = this.taken;
  }

  protected flushed(): void {
    this.settled();
    this.flushedOne = this.pending.size === 1;
    const { held } = this.context;
    for (const [key, message] of this.pending) {
      held.gone(bytesOf(message));
      if (this.stalled.size === 0) continue;
      this.sent.set(key, message);
      this.sentBytes += message.bytes.byteLength;
      held.kept += bytesOf(message);
    }
    this.pending.clear();
    this.pendingBytes = 0;
    this.keepWithinBounds();
  }

  /** Passes over those that have not read what they were sent before. */
  protected beforeDelivery(audience: Audience, dialect: Dialect): void {
    let shareOf: ((connection: Connection) => { due: number; replaced: number }) | undefined;
    // A raw socket gets nothing but this; an enveloped one may have unsent bytes of other topics. The topic tree tells
    // nothing of its sends. Asking uWS takes a tenth of a write.
    const isTold = dialect === 'raw' && this.flushedOne && !audience.isOnTree;
    for (const connection of audience.subscribers) {
      if (isTold && !connection.mayHaveUnsent) continue;
      connection.mayHaveUnsent = false;
      const { ws, lag } = connection;
      // One that is behind is sent nothing, also where uWS has sent all and is yet to tell so.
      if (ws === undefined || (lag === undefined && ws.getBufferedAmount() === 0)) continue;
      detach(connection, audience);
      this.context.counters.stalled++;
      this.stalledLanes(connection).add(this);
      shareOf ??= this.sharesOfWindow();
      // What was replaced in this window has been counted: what is left of it is not decided.
      const { due, replaced } = shareOf(connection);
      const settledAt = this.taken - due;
      this.stalled.set(connection, { dialect, at: this.flushedAt, settledAt, owed: 0, untold: replaced });
    }
  }

  /** How many messages of the window each subscriber would get, and how many it would be told that they replaced. */
  private sharesOfWindow(): (connection: Connection) => { due: number; replaced: number } {
    const all = { due: 0, replaced: 0 };
    const own = new Map<Connection, { due: number; replaced: number }>();
    for (const { sender, replaced } of this.pending.values()) {
      all.due++;
      all.replaced += replaced;
      if (sender === undefined) continue;
      const its = own.get(sender) ?? { due: 0, replaced: 0 };
      own.set(sender, { due: its.due + 1, replaced: its.replaced + replaced });
    }
    return (connection) => {
      const its = own.get(connection);
      return its === undefined ? all : { due: all.due - its.due, replaced: all.replaced - its.replaced };
    };
  }

  private resumed(connection: Connection): void {
    this.stalled.delete(connection);
    this.ownOfStalled.delete(connection);
    const lanes = this.stalledLanes(connection);
    lanes.delete(this);
    if (lanes.size === 0) this.context.stalledIn.delete(connection);
    if (this.stalled.size > 0) return;
    while (this.forgetOldestSent());
  }

  private stalledLanes(connection: Connection): Set<Drainable> {
    let lanes = this.context.stalledIn.get(connection);
    if (lanes === undefined) {
      lanes = new Set();
      this.context.stalledIn.set(connection, lanes);
    }
    return lanes;
  }

  /** Beyond the bounds of what is kept for those who do not read, the key that was updated longest ago goes. Who is
   *  stalled hears of it in what it is told it skipped. */
  private keepWithinBounds(): void {
    const { held, maxBytes } = this.context;
    while (
      this.pending.size + this.sent.size > MAX_KEYS ||
      this.pendingBytes + this.sentBytes > maxBytes ||
      held.keepsTooMuch
    ) {
      if (!this.forgetOldestSent()) return;
    }
  }

  private forgetOldestSent(): boolean {
    const oldest = this.sent.keys().next().value;
    if (oldest === undefined) return false;
    this.forgetSent(oldest);
    return true;
  }

  private notWaiting(message: Waiting): void {
    this.pendingBytes -= message.bytes.byteLength;
    this.context.held.gone(bytesOf(message));
  }

  private forgetSent(key: string): void {
    const message = this.sent.get(key);
    if (message === undefined) return;
    this.sent.delete(key);
    this.sentBytes -= message.bytes.byteLength;
    this.context.held.kept -= bytesOf(message);
  }
}
