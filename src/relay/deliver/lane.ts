// One topic's subscribers that share a window: what was published meanwhile waits here, and goes out in one write a
// subscriber. Those that join in the middle of a window come into it at its end, with what was published after they
// joined.
import {
  type Audience,
  type Connection,
  DIALECTS,
  type Dialect,
  type Publication,
  type SubscriberLane,
  type Topic,
} from '../fanout/audience.js';
import { Batch } from '../fanout/batch.js';
import type { FanOut } from '../fanout/fanout.js';
import { attach, detach } from '../fanout/membership.js';
import { OwnOps } from '../fanout/own-ops.js';
import type { Counters } from '../watch/counters.js';
import type { HeldBytes } from './held-bytes.js';
import { envelopeOf, type Waiting } from './waiting.js';
import type { WindowClock, Windowed } from './window-clock.js';

/** Where a lane's audiences are. */
export interface AudienceAccess {
  /** Undefined while there is none. */
  find(dialect: Dialect): Audience | undefined;
  open(dialect: Dialect): Audience;
}

/** What the lanes of a relay share. */
export interface LaneContext {
  readonly fanOut: Pick<FanOut, 'deliver'>;
  readonly counters: Counters;
  /** Where each stalled socket waits. */
  readonly stalledIn: Map<Connection, Set<Drainable>>;
  /** Bytes that one topic's window may hold. */
  readonly maxBytes: number;
  /** What the windows of all topics hold. */
  readonly held: HeldBytes;
}

/** Somewhere a socket is stalled. */
export interface Drainable {
  /** The socket has drained. */
  onDrain(connection: Connection): void;
}

interface Joiner {
  readonly dialect: Dialect;
  /** It gets what the lane takes after this. */
  readonly at: number;
  /** Messages that it has published since. */
  own: number;
  /** Replaced messages that are counted, and that it has not been told of. */
  untold: number;
}

export abstract class Lane implements Windowed, SubscriberLane {
  /** Messages taken so far, those included that had been replaced on their way here. */
  taken = 0;
  isOver = false;
  private isRunning = false;
  private flushing: NodeJS.Immediate | undefined;
  private readonly joiners = new Map<Connection, Joiner>();
  private readonly batch = new Batch<Connection>();

  constructor(
    private readonly topic: Topic,
    private readonly clock: WindowClock,
    protected readonly context: LaneContext,
    protected readonly audiences: AudienceAccess,
  ) {}

  /** Subscribers that are in no audience now: they joined in this window, or do not read. */
  get outside(): number {
    return this.joiners.size;
  }

  /** Enveloped subscribers, those among `outside` only where `everybody` is false. */
  *enveloped(everybody: boolean): Iterable<Connection> {
    if (everybody) {
      yield* this.audiences.find('enveloped')?.subscribers ?? [];
      yield* this.audiences.find('batched')?.subscribers ?? [];
    }
    for (const [connection, { dialect }] of this.joiners) if (dialect !== 'raw') yield connection;
  }

  /** All subscribers. */
  get size(): number {
    let size = this.outside;
    for (const dialect of DIALECTS) size += this.audiences.find(dialect)?.subscribers.size ?? 0;
    return size;
  }

  take(message: Publication): void {
    if (this.isOver) return;
    const { sender, replaced } = message;
    this.taken += 1 + replaced;
    if (replaced > 0) this.context.counters.conflated += replaced * this.receiversOf(sender);
    if (sender !== undefined && this.outside > 0) this.noteOwn(sender, 1 + replaced);
    this.keep(message);
    if (this.isRunning) return;
    this.isRunning = true;
    this.clock.begin(this);
  }

  /** A message has come that a newer one of its key came before: no subscriber gets it. */
  overtaken({ sender, replaced }: Pick<Publication, 'sender' | 'replaced'>): void {
    const count = 1 + replaced;
    this.taken += count;
    this.context.counters.conflated += count * this.receiversOf(sender);
    if (sender !== undefined && this.outside > 0) this.noteOwn(sender, count);
  }

  /** Takes a subscriber in. What was published before does not reach it. */
  join(connection: Connection, dialect: Dialect): void {
    if (this.isEmpty) attach(connection, this.audiences.open(dialect));
    else this.joinLater(connection, dialect);
  }

  /** Takes a subscriber in at the window's end, with what was taken after `at`, of which `own` are its own. */
  protected joinLater(connection: Connection, dialect: Dialect, at = this.taken, own = 0, untold = 0): void {
    this.joiners.set(connection, { dialect, at, own, untold });
  }

  /** A sender does not receive its own messages, so they are not conflated for it. */
  protected noteOwn(sender: Connection, count: number): void {
    const joiner = this.joiners.get(sender);
    if (joiner !== undefined) joiner.own += count;
  }

  /** Takes a subscriber out, also one that has closed. */
  leave(connection: Connection, dialect: Dialect): void {
    if (this.joiners.delete(connection)) return;
    const audience = this.audiences.find(dialect);
    if (audience !== undefined) detach(connection, audience);
  }

  /** A lagging one is sent nothing: what it misses is counted when the window ends. */
  handOver(connection: Connection, dialect: Dialect): void {
    if (this.isEmpty || connection.lag !== undefined) return;
    const joiner = this.joiners.get(connection);
    this.sendWaiting(connection, dialect, joiner);
    const audience = this.audiences.find(dialect);
    if (joiner === undefined && audience !== undefined) detach(connection, audience);
    this.joinLater(connection, dialect, this.taken, 0, joiner?.untold);
  }

  windowEnded(): boolean {
    this.isRunning = !this.isEmpty;
    if (this.isRunning) this.flush();
    return this.isRunning;
  }

  /** Its topic, or its last subscriber, is gone: what waits is for nobody. */
  end(): void {
    this.isOver = true;
    this.flushed();
    if (this.isRunning) this.clock.forget();
  }

  abstract laggingIn(connection: Connection, dialect: Dialect): Audience | undefined;

  /** Keeps a message until the window's end. */
  protected abstract keep(message: Publication): void;
  protected abstract get isEmpty(): boolean;
  /** What waits, oldest first. */
  protected abstract waiting(): Iterable<Waiting>;
  /** Called before what waits goes out to an audience. */
  protected abstract beforeDelivery(audience: Audience, dialect: Dialect): void;
  /** All that waited has gone out. */
  protected abstract flushed(): void;

  /** More waits than a window may hold: it goes out at the end of this turn of the loop. */
  protected flushEarly(): void {
    this.flushing ??= setImmediate(() => {
      this.flushing = undefined;
      if (!this.isEmpty) this.flush();
    });
  }

  private flush(): void {
    for (const dialect of DIALECTS) this.deliver(dialect);
    for (const [connection, joiner] of this.joiners) {
      this.sendWaiting(connection, joiner.dialect, joiner);
      attach(connection, this.audiences.open(joiner.dialect));
    }
    this.joiners.clear();
    this.flushed();
  }

  /** How many subscribers a message of `sender` goes to at the end of this window. */
  protected receiversOf(sender: Connection | undefined): number {
    let receivers = 0;
    for (const dialect of DIALECTS) {
      const subscribers = this.audiences.find(dialect)?.subscribers;
      if (subscribers === undefined) continue;
      receivers += sender !== undefined && subscribers.has(sender) ? subscribers.size - 1 : subscribers.size;
    }
    return receivers;
  }

  /** Sends a message to one subscriber, inside its cork. `ops` are those of an enveloped one. */
  protected send(connection: Connection, ops: OwnOps, message: Waiting, dialect: Dialect, replaced: number): void {
    if (dialect !== 'raw' && message.isForRawOnly) return;
    const { counters } = this.context;
    counters.delivered++;
    if (dialect === 'raw') {
      connection.ws?.send(message.bytes, message.isBinary);
      counters.deliveredBytes += message.bytes.byteLength;
    } else {
      const envelope = envelopeOf(this.topic.head, message, replaced);
      ops.say(envelope);
      counters.deliveredBytes += envelope.length;
    }
  }

  /** @param joiner undefined for one that was there when the window began */
  private sendWaiting(connection: Connection, dialect: Dialect, joiner: Joiner | undefined): void {
    const { at, own, untold } = joiner ?? { at: 0, own: 0, untold: 0 };
    const due: Waiting[] = [];
    for (const message of this.waiting()) if (message.sender !== connection && message.at > at) due.push(message);
    // For those that were there it has been counted, message by message.
    const conflated = joiner === undefined ? undefined : this.taken - at - own - due.length;
    this.context.counters.conflated += conflated ?? 0;
    const ops = new OwnOps(connection);
    connection.ws?.cork(() => {
      for (const [index, message] of due.entries()) {
        const replaced = conflated === undefined ? message.replaced : index === 0 ? conflated + untold : 0;
        this.send(connection, ops, message, dialect, replaced);
      }
      ops.end();
    });
    if (joiner !== undefined && due.length > 0) joiner.untold = 0;
  }

  private deliver(dialect: Dialect): void {
    const audience = this.audiences.find(dialect);
    if (audience === undefined) return;
    this.beforeDelivery(audience, dialect);
    if (audience.subscribers.size === 0) return;
    for (const message of this.waiting()) {
      if (dialect === 'raw') this.batch.add(message.bytes, message.isBinary, message.sender);
      else if (!message.isForRawOnly) {
        this.batch.add(envelopeOf(this.topic.head, message, message.replaced), false, message.sender);
      }
    }
    this.context.fanOut.deliver(audience, this.batch);
    this.batch.clear();
  }
}
