// One socket as the relay knows it. It hangs in the uWS socket's user data; the ws object itself carries nothing else.
import type { Identity } from '../../auth/auth.js';
import type { PublishBudget } from '../budget/publish-limit.js';
import type { Session } from '../session/session.js';
import type { WebSocket } from '../uws.js';
import type { Lag } from './slow.js';
import type { Audience, Topic } from './topic.js';

/** What uWS keeps for a socket: a single key, since uWS copies the keys of this object one by one at every open. */
export interface SocketState {
  readonly connection: Connection;
}

export class Connection {
  readonly id: string;
  /** The client's address, seen through trusted proxies. */
  readonly remoteAddress: string;
  readonly openedAtMs: number;
  /** The topic of a raw socket; undefined for an enveloped one. */
  readonly topic: Topic | undefined;
  /** What an enveloped socket says is its session's; undefined for a raw one. */
  session: Session | undefined;
  /** Who the client is; replaced when it authenticates anew. */
  identity: Identity;
  /** Whether the identity lets a raw socket publish to its topic, asked once. */
  readonly mayPublish: boolean;
  /** What is left of the publish rates; undefined where there are none, or before the first message. */
  budget: PublishBudget | undefined;
  /** The second (Unix time) that Expiry closes this socket in; 0 for never. */
  expirySecond = 0;
  /** Undefined before open and after close: uWS throws when a closed socket is touched. */
  ws: WebSocket<SocketState> | undefined;
  /** Messages received from this socket. */
  published = 0;
  /** Messages that this socket lost because it read too slowly (drop mode), up to its last recovery. */
  dropped = 0;
  /** Set while this socket is too slow and off its topics (drop mode). */
  lag: Lag | undefined;

  constructor(id: string, remoteAddress: string, topic: Topic | undefined, identity: Identity, openedAtMs: number) {
    this.id = id;
    this.remoteAddress = remoteAddress;
    this.topic = topic;
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
    if (this.topic !== undefined) return [this.topic.raw];
    return this.session?.audiences() ?? [];
  }
}
