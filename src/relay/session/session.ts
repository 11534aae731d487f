// One enveloped socket: reads the ops of `fanwire.v1` that it sends, carries them out, and answers each.

import { type Authenticator, type Identity, isRefusal } from '../../auth/auth.js';
import { MAX_LISTED_MEMBERS } from '../../bus/census.js';
import { type Refusal, Refused, retryAdvice } from '../../protocol/codes.js';
import { BINARY_REFUSED, type ClientOp, parseClientOp } from '../../protocol/envelope.js';
import { errorFrame, helloFrame, lostFrame, type OkFields, okFrame, pongFrame } from '../../protocol/frames.js';
import type { Limits, OpId, Position } from '../../protocol/ops.js';
import { DEDUP_MS } from '../../protocol/publish-id.js';
import type { Rewind } from '../../protocol/rewind.js';
import { Cost, type OpsBudget } from '../budget/ops-budget.js';
import type { PublishGuard } from '../budget/publish-guard.js';
import { passingUtf8 } from '../bytes.js';
import type { Exchange } from '../exchange.js';
import type { Cuts } from '../exit/cuts.js';
import type { Expiry } from '../exit/expiry.js';
import type { Audience, Connection, SocketSession, Topic } from '../fanout/audience.js';
import type { TopicTable } from '../fanout/topic-table.js';
import type { Counters } from '../watch/counters.js';
import type { MembershipMap } from './membership.js';
import type { Memberships } from './memberships.js';
import type { Presence } from './presence.js';

/** After this many frames in a row that are no ops the socket is closed: the client does not speak fanwire.v1. */
const MAX_MALFORMED_IN_A_ROW = 100;

/** What all sessions of a relay share. */
export interface SessionContext {
  readonly topics: TopicTable;
  readonly presence: Presence;
  readonly exchange: Exchange;
  readonly memberships: Memberships;
  readonly authenticator: Authenticator;
  readonly expiry: Expiry;
  readonly guard: PublishGuard;
  readonly ops: OpsBudget<Connection>;
  readonly cuts: Cuts;
  readonly counters: Counters;
  /** The limits that a client is told. */
  readonly limits: Limits;
  /** 0 is unlimited. */
  readonly maxTopicsPerConnection: number;
  /** A client that goes on asking with more unsent bytes than this is closed as a slow consumer. */
  readonly maxBackpressureBytes: number;
}

/** A `pub` has budgets of its own; a `sub` pays when it is known what it asks for, and so does a `presence` for its
 *  members. */
const COST_OF_OP = {
  pub: 0,
  sub: 0,
  unsub: Cost.op,
  presence: Cost.op,
  auth: Cost.auth,
  ping: Cost.op,
  invalid: Cost.op,
};

type OpOf<Name extends ClientOp['op']> = Extract<ClientOp, { op: Name }>;

export class Session implements SocketSession {
  readonly memberships: MembershipMap = new Map();
  private malformedInARow = 0;
  private isAuthenticating = false;
  /** The highest number of topics that it was in at once. */
  private mostTopics = 0;
  /** Topics whose joins and leaves it takes in one frame per window. */
  private readonly newsTogether = new Set<string>();

  constructor(
    private readonly connection: Connection,
    private readonly context: SessionContext,
  ) {}

  /** The socket is open: tells the client its limits before it sends anything. */
  greet(): void {
    const { refusal } = this.connection.identity;
    // Not in the open handler, which still uses the socket.
    if (refusal !== undefined) setImmediate(() => this.context.cuts.refused(this.connection, refusal));
    else this.answer(helloFrame(this.context.limits, DEDUP_MS, this.expiresInMs));
  }

  /** Handles one frame of the client. `message` is read before this returns. */
  receive(message: ArrayBuffer, isBinary: boolean): void {
    const op = isBinary ? BINARY_REFUSED : parseClientOp(Buffer.from(message).toString());
    const cost = COST_OF_OP[op.op];
    if (cost > 0 && !this.context.ops.pay(this.connection, cost)) return;
    if (op.op === 'invalid') {
      this.answer(errorFrame(op));
      if (++this.malformedInARow >= MAX_MALFORMED_IN_A_ROW) this.context.cuts.malformed(this.connection, op.code);
      return;
    }
    this.malformedInARow = 0;
    switch (op.op) {
      case 'pub':
        this.publish(op, message.byteLength);
        break;
      case 'sub':
        this.subscribe(op);
        break;
      case 'unsub':
        this.newsTogether.delete(op.topic);
        this.context.memberships.leaveInOrder(this.connection, this.memberships, op.topic);
        this.ok(op.id, { topic: op.topic });
        break;
      case 'presence':
        void this.presence(op);
        break;
      case 'auth':
        void this.authenticate(op);
        break;
      case 'ping':
        this.answer(pongFrame(op.id));
    }
  }

  takesNewsTogether(topic: string): boolean {
    return this.newsTogether.has(topic);
  }

  get topicNames(): readonly string[] {
    return [...this.memberships.keys()];
  }

  /** The audiences in which the socket receives live messages. */
  audiences(): Audience[] {
    const live: Audience[] = [];
    const { dialect } = this.connection;
    for (const { topic, entry, lane } of this.memberships.values()) {
      if (entry !== 'live') continue;
      const audience = lane === undefined ? topic.audience(dialect) : lane.laggingIn(this.connection, dialect);
      if (audience !== undefined) live.push(audience);
    }
    return live;
  }

  /** The socket has closed. */
  closed(): void {
    for (const name of [...this.memberships.keys()]) this.leave(name);
  }

  /** The socket was too slow and is live again in a topic, of which it missed `count` messages. */
  lost(topic: Topic, count: number): void {
    this.connection.ws?.send(passingUtf8(lostFrame(topic.name, count, topic.history !== undefined)), false);
  }

  private publish({ topic: name, id, payload, once }: OpOf<'pub'>, bytes: number): void {
    const { guard, cuts, exchange, counters } = this.context;
    const { connection } = this;
    if (guard.isNeeded) {
      const refusal = guard.check(connection, connection.identity.canPublish(name), bytes);
      if (refusal !== undefined) {
        this.refuse(refusal, id, name);
        if (refusal === Refused.publishRate) cuts.mayNotPublish(connection, refusal);
        return;
      }
    }
    connection.published++;
    counters.published++;
    counters.publishedBytes += bytes;
    const acknowledge = (seq: number | undefined): void => {
      if (seq === undefined) this.refuse(Refused.unconfirmed, id, name);
      else this.ok(id, seq === 0 ? {} : { seq });
    };
    exchange.publishPayload(name, connection, payload, once, acknowledge, id === undefined);
  }

  private subscribe({ topic: name, id, since, rewind, everyMs, newsTogether }: OpOf<'sub'>): void {
    const { memberships, ops } = this.context;
    const { connection } = this;
    const wasIn = this.memberships.has(name);
    // Joining is free up to the highest number of topics it has been in, since a client that reconnects joins all of
    // them at once. Rejoining a topic it left costs an op, and so does a refused join.
    const isGrowth = !wasIn && this.memberships.size >= this.mostTopics;
    const refusal = this.refusalOf(name, wasIn) ?? this.rewindRefusal(name, since, rewind);
    if ((!isGrowth || refusal !== undefined) && !ops.pay(connection, Cost.op)) return;
    if (refusal !== undefined) {
      this.refuse(refusal, id, name);
      return;
    }
    if (newsTogether) this.newsTogether.add(name);
    else this.newsTogether.delete(name);
    // Answered even without an id: the client needs the position.
    memberships.join(connection, this.memberships, name, { since, rewind, everyMs }, (fields) => {
      this.answer(okFrame(id, fields));
      const { recovery, rewound } = fields;
      const replayed = recovery && 'replayed' in recovery ? recovery.replayed : (rewound?.replayed ?? 0);
      if (!isGrowth && replayed > 0) ops.pay(connection, Cost.replay(replayed));
    });
    this.mostTopics = Math.max(this.mostTopics, this.memberships.size);
  }

  private leave(name: string): void {
    this.newsTogether.delete(name);
    this.context.memberships.leave(this.connection, this.memberships, name);
  }

  /** Why the socket may not join a topic; undefined if it may. */
  private refusalOf(name: string, isIn: boolean): Refusal | undefined {
    const { topics, maxTopicsPerConnection } = this.context;
    if (!this.connection.identity.canSubscribe(name)) return Refused.subscribeForbidden;
    if (isIn) return undefined;
    if (maxTopicsPerConnection > 0 && this.memberships.size >= maxTopicsPerConnection) {
      return Refused.tooManySubscriptions;
    }
    return topics.hasRoomFor(name) ? undefined : Refused.tooManyTopics;
  }

  /** Refuses a rewind in a topic that is not kept: the client would wait in vain. */
  private rewindRefusal(name: string, since: Position | undefined, rewind: Rewind | undefined): Refusal | undefined {
    if (!rewind || since !== undefined) return undefined; // with `since`, the answer says so
    return this.context.topics.keeps(name) ? undefined : Refused.notKept;
  }

  private async presence({ topic: name, id }: OpOf<'presence'>): Promise<void> {
    if (!this.connection.identity.canSubscribe(name)) {
      this.refuse(Refused.subscribeForbidden, id, name);
      return;
    }
    if (!this.context.topics.hasPresence(name)) {
      this.refuse(Refused.presenceOff, id, name);
      return;
    }
    // Paid before the question is sent: otherwise many questions would be under way before the first is paid for.
    const here = Math.min(this.context.topics.find(name)?.members?.size ?? 0, MAX_LISTED_MEMBERS);
    if (!this.context.ops.pay(this.connection, Cost.members(here))) return;
    const { members, memberCount } = await this.context.presence.census(name);
    if (!this.connection.identity.canSubscribe(name)) {
      this.refuse(Refused.subscribeForbidden, id, name); // it has another token by now
      return;
    }
    this.answer(okFrame(id, { topic: name, members, count: memberCount }));
    this.context.ops.pay(this.connection, Cost.members(members.length - Math.min(here, members.length)));
  }

  private async authenticate({ token, id }: OpOf<'auth'>): Promise<void> {
    if (this.isAuthenticating) {
      this.refuse(Refused.authBusy, id);
      return;
    }
    this.isAuthenticating = true;
    const outcome = await this.context.authenticator.authenticate(token);
    this.isAuthenticating = false;
    if (this.connection.ws === undefined) return;
    if (isRefusal(outcome)) this.refuse(outcome, id);
    else if (outcome.user !== this.connection.user) this.refuse(Refused.otherUser, id);
    else this.adopt(outcome, id);
  }

  /** Continues as `identity`: leaves the topics that it may not subscribe to, and tells the client of each. */
  private adopt(identity: Identity, id: OpId | undefined): void {
    this.connection.identity = identity;
    this.context.expiry.watch(this.connection);
    for (const name of [...this.memberships.keys()]) {
      if (identity.canSubscribe(name)) continue;
      this.leave(name);
      this.refuse(Refused.subscribeForbidden, undefined, name);
    }
    // Answered even without an id: nothing else tells the client that the token was accepted.
    this.answer(okFrame(id, { expiresInMs: this.expiresInMs }));
  }

  /** Milliseconds until the token ends, by this machine's clock; undefined for a token that does not end. */
  private get expiresInMs(): number | undefined {
    const { expiresAtMs } = this.connection.identity;
    return expiresAtMs === undefined ? undefined : Math.max(0, expiresAtMs - Date.now());
  }

  private ok(id: OpId | undefined, fields: OkFields): void {
    if (id !== undefined) this.answer(okFrame(id, fields));
  }

  private refuse(refusal: Refusal, id: OpId | undefined, topic?: string): void {
    const { code, message } = refusal;
    this.answer(errorFrame({ code, message, id, topic, ...retryAdvice(refusal) }));
  }

  /** Sends an answer. A client that asks without reading is closed instead, so that its answers do not fill the
   *  memory. */
  private answer(frame: string): void {
    const { ws } = this.connection;
    if (ws === undefined) return;
    if (ws.getBufferedAmount() > this.context.maxBackpressureBytes) this.context.cuts.readsNoAnswers(this.connection);
    else ws.send(passingUtf8(frame), false);
  }
}
