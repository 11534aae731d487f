// One topic of one socket: where the socket begins in it, and how far it has come.
import type { OkFields } from '../../protocol/frames.js';
import type { Position } from '../../protocol/ops.js';
import type { Rewind } from '../../protocol/rewind.js';
import type { SubscriberLane, Topic } from '../fanout/audience.js';
import type { CatchUp } from '../history/catch-up.js';

export interface Membership {
  readonly topic: Topic;
  /** The socket's progress: it waits for the topic's history, is being replayed to, or is live. */
  entry: 'waiting' | CatchUp | 'live';
  /** Least milliseconds between two writes to it; 0: as the topic says. */
  everyMs: number;
  /** The lane that it shares its window with once live; undefined if it gets every message at once. */
  lane: SubscriberLane | undefined;
  /** Requests for the topic while the socket waits, in their order; the first is the join itself. */
  readonly asked: Asked[];
}

export interface Asked {
  readonly answer: (fields: OkFields) => void;
  readonly act: () => void;
}

/** Where in a topic a socket wants to begin. */
export interface Start {
  /** After this position. */
  readonly since: Position | undefined;
  /** Without `since`: how much of what is kept; undefined: the state, if one is kept. With `since`, `all` asks for
   *  every message since then, even if only the newest of each key is delivered. */
  readonly rewind: Rewind | undefined;
  /** Least milliseconds between two writes to it; 0: as the topic says. */
  readonly everyMs: number;
}

/** The topics of one enveloped socket, by name. */
export type MembershipMap = Map<string, Membership>;

/** @param answer to the `sub` that it waits for; a raw socket has none */
export function newMembership(topic: Topic, everyMs: number, answer: Asked['answer'] = () => {}): Membership {
  return { topic, entry: 'waiting', everyMs, lane: undefined, asked: [{ answer, act: () => {} }] };
}
