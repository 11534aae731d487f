// What a topic's past looks like to the relay: one sequence a topic, and the answer to "what did I miss since there".
import type { Position, Unrecovered } from '../../protocol/ops.js';
import type { Rewind } from '../../protocol/rewind.js';

/** A message as it is kept. */
export interface Kept {
  readonly seq: number;
  /** The JSON text after `"data":` (see Payload), and the id that it was published with (see keptBody). */
  readonly body: string;
  /** Who published it; undefined for an anonymous or raw publisher. */
  readonly from: string | undefined;
  /** What its publisher called its key. */
  readonly key: string | undefined;
  /** When it was published, by the clock of the store that keeps it. */
  readonly publishedAtMs: number;
}

/** A message to be kept. */
export type ToKeep = Pick<Kept, 'body' | 'from' | 'key'> & {
  /** Milliseconds since it was published. */
  readonly ageMs?: number | undefined;
};

/** How a topic's past is read: every message kept, or only the newest of each key. */
export type Reading = 'all' | 'newest';

/** Where a subscriber begins. */
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

/** By --history, and by --state, whose messages are the newest of keys. */
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
  /** The last publish's number; 0 before the first. */
  readonly seq: number;
  /** Whether only the newest of each key is kept (--state): a newcomer gets it unasked. */
  readonly isState: boolean;
  /** Whether the newest of each key can be read: it is kept by key, or delivered so. */
  readonly isConflated: boolean;
  /** Undefined when all that came after `since` is kept, else why it cannot be replayed. */
  check(since: Position): Unrecovered | undefined;
  /** All of the topic's messages with a seq over this one are kept. */
  readonly floor: number;
  /** The oldest message kept with a seq over `after`. */
  next(after: number, reading: Reading): Kept | undefined;
  /** How many messages are kept with a seq over `after`. */
  countAfter(after: number, reading: Reading): number;
  /** Where somebody begins who wants so much of the past. */
  beginningOf(rewind: Rewind): Beginning;
  /** False while a copy of it is on its way from elsewhere: then nothing of it may be asked. */
  readonly isReady: boolean;
  /** Calls back when it is ready, and as far as `since` where that is a position of its sequence: at once where it
   *  is. */
  whenReady(act: () => void, since?: Position): void;
}

export interface HistoryStore {
  /** The history of a topic; undefined when no rule keeps it. Opened twice it is the same. */
  open(topic: string): TopicHistory | undefined;
  /** Says that a topic has (or no longer has) subscribers: a topic in use keeps its epoch, whatever the memory. */
  hold(history: TopicHistory): void;
  release(history: TopicHistory): void;
  /** Whether a rule keeps the topic. */
  keeps(topic: string): boolean;
}
