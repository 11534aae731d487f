// One socket as the relay knows it. It hangs in the uWS socket's user data; the ws object itself carries nothing else.
import type { Lag } from './slow.js';
import type { Audience, Topic } from './topic.js';
import type { WebSocket } from './uws.js';

/** What uWS keeps for a socket: a single key, since uWS copies the keys of this object one by one at every open. */
export interface SocketState {
  readonly connection: Connection;
}

export class Connection {
  readonly id: string;
  readonly remoteAddress: string;
  readonly openedAtMs: number;
  /** The topic of a raw socket. */
  readonly topic: Topic;
  /** Undefined before open and after close: uWS throws when a closed socket is touched. */
  ws: WebSocket<SocketState> | undefined;
  /** Messages received from this socket. */
  published = 0;
  /** Messages that this socket lost because it read too slowly (drop mode), up to its last recovery. */
  dropped = 0;
  /** Set while this socket is too slow and off its topics (drop mode). */
  lag: Lag | undefined;

  constructor(id: string, remoteAddress: string, topic: Topic, openedAtMs: number) {
    this.id = id;
    this.remoteAddress = remoteAddress;
    this.topic = topic;
    this.openedAtMs = openedAtMs;
  }

  /** The audiences this socket belongs to. */
  audiences(): readonly Audience[] {
    return [this.topic.raw];
  }
}
