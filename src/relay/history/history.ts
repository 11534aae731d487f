// The interface to a topic's past: one sequence per topic, and the answer to "what did I miss since this position".
import type { Position, Unrecovered } from '../../protocol/ops.js';
import type { Rewind } from '../../protocol/rewind.js';

/** A message as it is kept. */
export interface Kept {
  readonly seq: number;
  /** The JSON text after `"data":` (see Payload), followed by the id that it was published with, if any (see
   *  keptBody). */
  readonly body: string;
  /** Who published it; undefined for an anonymous or raw publisher. */
  readonly from: string | undefined;
  /** The key that its publisher gave. */
  readonly key: string | undefined;
  /** When it was published, by the clock of the store that keeps it. */
  readonly publishedAtMs: number;
}

/** A message to be kept. */
export type ToKeep = Pick<Kept, 'body' | 'from' | 'key'> & {
  /** Milliseconds since it was published. */
  readonly ageMs?: number | undefined;
  /** When it was published, by this machine's clock; undefined where that does not matter. */
  readonly updatedAtMs?: number | undefined;
};

/** How a topic's past is read: every message kept, or only the newest of each key. */
export type Reading = 'all' | 'newest';

/** Where a subscriber begins, and how it reads. */
export interface Beginning {
  readonly after: number;
  readonly reading: Reading;
}

/** How much is kept. */
export interface HistoryCounts {
  readonly topics: number;
  readonly messages: number;
  readonly bytes: number;
}

/** Counts of --history, and of --state, whose messages are the newest of each key. */
export interface KeptCounts {
  readonly history: HistoryCounts;
  readonly state: HistoryCounts;
}

const NOTHING: HistoryCounts = { topics: 0, messages: 0, bytes: 0 };
export const NOTHING_KEPT: KeptCounts = { history: NOTHING, state: NOTHING };

/** One topic's sequence and the messages of it that are still kept. */
export interface TopicHistory {
  readonly topic: string;
  /** Another epoch means another sequence: positions of different epochs cannot be compared. */
  readonly epoch: string;
  /** The number of the last publish; 0 before the first. */
  readonly seq: number;
  /** Whether only the newest of each key is kept (--state): a new subscriber gets it without asking. */
  readonly isState: boolean;
  /** Whether the newest of each key can be read: the topic is kept by key, or delivered by key. */
  readonly isConflated: boolean;
  /** Undefined if all messages after `since` are kept, else why they cannot be replayed. */
  check(since: Position): Unrecovered | undefined;
  /** All of the topic's messages with a higher seq are kept. */
  readonly floor: number;
  /** The oldest message kept with a seq above `after`. */
  next(after: number, reading: Reading): Kept | undefined;
  /** How many messages with a seq above `after` are kept. */
  countAfter(after: number, reading: Reading): number;
  /** Where a subscriber begins that wants this much of the past. */
  beginningOf(rewind: Rewind): Beginning;
  /** False while a copy of it is on its way from elsewhere: then no other method but whenReady may be called. */
  readonly isReady: boolean;
  /** Calls back when it is ready, and has reached `since` if that is a position of its sequence; at once if that is
   *  so already. May forget a call once `isWanted` returns false. */
  whenReady(act: () => void, isWanted: () => boolean, since?: Position): void;
}

export interface HistoryStore {
  /** The history of a topic; undefined if no rule keeps it. Opening it again returns the same one. */
  open(topic: string): TopicHistory | undefined;
  /** Reports that a topic has subscribers, or no longer has any: a topic in use keeps its epoch even if memory is
   *  short. */
  hold(history: TopicHistory): void;
  release(history: TopicHistory): void;
  /** Whether a rule keeps the topic. */
  keeps(topic: string): boolean;
}
