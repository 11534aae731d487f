// Connections, topics and their audiences. They refer to each other, so they are in one file. Only the thread that runs
// the relay uses them.
import type { Identity } from '../../auth/auth.js';
import { msgHead } from '../../protocol/frames.js';
import type { Rewind } from '../../protocol/rewind.js';
import type { OpsAccount } from '../budget/ops-budget.js';
import type { PublishBudget } from '../budget/publish-limit.js';
import type { TopicKeys } from '../bytes.js';
import type { TopicHistory } from '../history/history.js';
import type { TemplatedApp, WebSocket } from '../uws.js';
import type { Backlog } from './backlog.js';
import type { Batch } from './batch.js';
import type { Lag } from './lag.js';

/** The part of an enveloped socket's session that the rest of the relay uses (see session/session.ts). */
export interface SocketSession {
  /** The topics that the socket is in, or joining. */
  readonly topicNames: readonly string[];
  /** The audiences in which the socket receives live messages. */
  audiences(): readonly Audience[];
  /** Handles one frame of the client. `message` is read before this returns. */
  receive(message: ArrayBuffer, isBinary: boolean): void;
  /** Whether the client asked for a topic's joins and leaves in one frame per window. */
  takesNewsTogether(topic: string): boolean;
  /** Tells the client that it missed `count` messages of a topic. */
  lost(topic: Topic, count: number): void;
  /** The socket has closed: it leaves its topics. */
  closed(): void;
}

/** The form in which a subscriber receives messages: a topic keeps an audience for each. `batched`: enveloped, and
 *  several ops may come in one frame. */
export type Dialect = (typeof DIALECTS)[number];
export const DIALECTS = ['raw', 'enveloped', 'batched'] as const;

/** A message for all windows of a topic. `raw` is only valid until the call returns. */
export interface Publication {
  /** What raw subscribers get: a string is sent as a text frame. */
  readonly raw: string | Uint8Array;
  readonly isBinary: boolean;
  readonly body: string | undefined; // the JSON text after `"data":`; undefined if it is made from `raw`
  readonly from: string | undefined;
  readonly seq: number; // 0 where the topic has no history
  readonly sender: Connection | undefined;
  readonly key: string | undefined; // as its publisher gave it
  /** Deliver to raw subscribers only; enveloped ones get it from the history copy. */
  readonly isForRawOnly: boolean;
  readonly replaced: number; // messages that it took the place of on its way here
  readonly publishedAtMs: number | 'unknown' | undefined; // elsewhere, by PublishClock; undefined: here and now
}

/** Subscribers of a topic that share a window (see deliver/lane.ts). */
export interface SubscriberLane {
  /** Adds a subscriber. What was published before does not reach it. */
  join(connection: Connection, dialect: Dialect): void;
  /** Removes a subscriber, which may have closed. */
  leave(connection: Connection, dialect: Dialect): void;
  /** Sends a subscriber what waits for it, before its window ends. */
  handOver(connection: Connection, dialect: Dialect): void;
  /** The audience in which the socket can be a slow consumer at the moment; undefined if there is none. */
  laggingIn(connection: Connection, dialect: Dialect): Audience | undefined;
}

/** The delivery of a topic whose messages do not all go out at once (see deliver/windows.ts). */
export interface Delivery {
  /** Adds a message to every window. True if the topic's own audiences get it through one of them. */
  take(message: Publication): boolean;
  /** Counts a message that a newer one of its key came before. */
  overtaken(message: Pick<Publication, 'sender' | 'replaced'>): void;
  /** The lane of a subscriber that is written to at most every `everyMs`; undefined if that means at once. */
  laneFor(everyMs: number): SubscriberLane | undefined;
  /** Enveloped subscribers that are not in the topic's own audiences. */
  envelopedOutside(): Iterable<Connection>;
  /** How many subscribers are not in the topic's own audiences. */
  readonly outside: number;
  /** Messages taken so far. */
  readonly taken: number;
  /** The topic is gone. */
  end(): void;
}

/** What uWS keeps for a socket. A single key: uWS copies the keys of this object one by one at every open. */
export interface SocketState {
  readonly connection: Connection;
}

export class Connection {
  readonly id: string;
  /** The client's address, as reported by trusted proxies. */
  readonly remoteAddress: string;
  readonly openedAtMs: number;
  /** The topic of a raw socket; undefined for an enveloped one. */
  readonly topic: Topic | undefined;
  dialect: Dialect;
  /** Least milliseconds between two writes to a raw socket, as it asked; 0: as its topic says. */
  everyMs = 0;
  /** Which past messages a raw socket asked to begin with; undefined: as its topic says. */
  rewind: Rewind | undefined;
  /** Numbers of what a raw socket published while joining, which it must not get; undefined once it is live. */
  ownSeqs: Set<number> | undefined;
  /** The lane that a raw socket shares its window with; undefined if it gets every message at once. */
  lane: SubscriberLane | undefined;
  /** Handles what an enveloped socket sends; undefined for a raw one. */
  session: SocketSession | undefined;
  /** Who the client is; replaced when it authenticates again. */
  identity: Identity;
  /** Whether the identity lets a raw socket publish to its topic; computed once. */
  readonly mayPublish: boolean;
  /** What is left of the publish rates; undefined where there are none, or before the first message. */
  budget: PublishBudget | undefined;
  /** What is left for its ops and control frames; undefined before the first. */
  ops: OpsAccount | undefined;
  /** The second (Unix time) in which Expiry closes this socket; 0 for never. */
  expirySecond = 0;
  /** Undefined before open and after close: uWS throws when a closed socket is touched. */
  ws: WebSocket<SocketState> | undefined;
  /** The uWS App that the socket and its uWS topics are on; undefined before open. */
  app: TemplatedApp | undefined;
  /** Messages received from this socket. */
  published = 0;
  /** Messages that this socket lost because it read too slowly (drop mode), up to the end of its last lag. */
  dropped = 0;
  /** Set while this socket is too slow for live messages and off its topics. */
  lag: Lag<Connection, Audience> | undefined;
  mayHaveUnsent = true; // false once a raw socket in a window is known to have taken all that it was sent

  constructor(id: string, remoteAddress: string, topic: Topic | undefined, identity: Identity, openedAtMs: number) {
    this.id = id;
    this.remoteAddress = remoteAddress;
    this.topic = topic;
    this.dialect = topic === undefined ? 'enveloped' : 'raw';
    this.identity = identity;
    this.mayPublish = topic !== undefined && identity.canPublish(topic.name);
    this.openedAtMs = openedAtMs;
  }

  /** The user its token names; undefined for an anonymous client. */
  get user(): string | undefined {
    return this.identity.user;
  }

  /** The audiences this socket belongs to. */
  audiences(): readonly Audience[] {
    if (this.ownSeqs !== undefined) return [];
    if (this.lane !== undefined) {
      const audience = this.lane.laggingIn(this, 'raw');
      return audience === undefined ? [] : [audience];
    }
    if (this.topic !== undefined) return [this.topic.raw];
    return this.session?.audiences() ?? [];
  }
}

/** The sockets of a topic that receive the same bytes: one uWS topic, and the state the fan-out keeps for it. */
export class Audience {
  /** Messages of one flush are sent as one frame. */
  readonly isBatched: boolean;
  /** Whether its subscribers are on its uWS topic; set before the first joins. */
  isOnTree: boolean;
  /** Its subscribers, lagging ones included. */
  readonly subscribers = new Set<Connection>();
  /** How many of `subscribers` lag: they are off the uWS topic until they have drained. */
  lagging = 0;
  /** What is kept for those of them that are behind; undefined if nobody is. */
  backlog: Backlog<Connection> | undefined;
  /** Messages fanned out so far. */
  published = 0;
  /** Payload bytes fanned out since the subscribers' backpressure was last checked. */
  unsweptBytes = 0;
  /** Upper bound of the messages published directly that uWS has not yet written. */
  direct = 0;
  /** The value of `direct` when the present count began, and the loop iteration in which it began. */
  countedFrom = 0;
  countedSince = 0;
  /** How many flushes without a burst must pass until messages go out directly again; 0: they do now. */
  expectsBursts = 0;
  /** Messages that wait for the flush at the end of this loop iteration. */
  batch: Batch<Connection> | undefined;
  /** Whether the next flush will visit this audience. */
  awaitsFlush = false;

  /** @param key the uWS topic's name */
  constructor(
    readonly topic: Topic,
    readonly key: Uint8Array,
    dialect: Dialect,
  ) {
    this.isBatched = dialect === 'batched';
    this.isOnTree = !this.isBatched;
  }
}

export class Topic {
  readonly name: string;
  /** Sockets without a subprotocol. */
  readonly raw: Audience;
  /** Sockets that speak fanwire.v1 with one op a frame; undefined while there are none: raw publishes then skip it. */
  enveloped: Audience | undefined;
  /** Sockets that speak fanwire.v1 and take several ops in one frame. */
  batched: Audience | undefined;
  /** Enveloped sockets that are not live yet: they wait for the history, or are being replayed to. */
  entering = 0;
  /** How many readers use its past without being subscribed. */
  readers = 0;
  delivery: Delivery | undefined; // if not every message goes out at once
  /** Undefined if no rule keeps this topic. */
  readonly history: TopicHistory | undefined;
  /** Its members; undefined if presence is off. */
  readonly members: Set<Connection> | undefined;
  /** The value of `published` when rates were last measured. */
  ratedPublished = 0;
  private envelopeHead: string | undefined;

  constructor(
    name: string,
    history: TopicHistory | undefined,
    hasPresence: boolean,
    private readonly keys: TopicKeys,
  ) {
    this.name = name;
    this.raw = new Audience(this, keys.take(), 'raw');
    this.history = history;
    this.members = hasPresence ? new Set() : undefined;
  }

  /** Messages fanned out so far. A raw socket's publishes go to all audiences, so the largest count is the total. */
  get published(): number {
    return Math.max(
      this.raw.published,
      this.enveloped?.published ?? 0,
      this.batched?.published ?? 0,
      this.delivery?.taken ?? 0,
    );
  }

  /** Sockets that joined the topic. */
  get subscribers(): number {
    const { raw, enveloped, batched } = this;
    const inside = raw.subscribers.size + (enveloped?.subscribers.size ?? 0) + (batched?.subscribers.size ?? 0);
    return inside + this.entering + (this.delivery?.outside ?? 0);
  }

  /** The text that every envelope of this topic begins with. */
  get head(): string {
    this.envelopeHead ??= msgHead(this.name);
    return this.envelopeHead;
  }

  /** An audience besides the topic's own: it gets its messages through a lane. */
  newAudience(dialect: Dialect): Audience {
    return new Audience(this, this.keys.take(), dialect);
  }

  audience(dialect: Dialect): Audience | undefined {
    return this[dialect];
  }

  openAudience(dialect: Dialect): Audience {
    const audience = this[dialect] ?? this.newAudience(dialect);
    if (dialect !== 'raw') this[dialect] = audience;
    return audience;
  }

  /** Enveloped sockets in the topic's own audiences, batched or not. */
  *envelopedInside(): Iterable<Connection> {
    yield* this.enveloped?.subscribers ?? [];
    yield* this.batched?.subscribers ?? [];
  }

  closeEnvelopedIfEmpty(): void {
    if (this.enveloped?.subscribers.size === 0) this.enveloped = undefined;
    if (this.batched?.subscribers.size === 0) this.batched = undefined;
  }
}
