// Messages that wait on their way to other threads and nodes, since a newer message may replace them.
import type { KeyReader } from '../config/deliver-key.js';

/** The messages of one topic that wait to cross to other threads or nodes: the newest of each key. */
export interface Crossing<Message> {
  /** How its messages are told apart. */
  readonly keyOf: KeyReader;
  /** The message of this key that waits. */
  waiting(key: string): Message | undefined;
  /** Keeps a message of this many bytes, in place of the one before it with this key. `replaced`: the messages that it
   *  has taken the place of already. */
  keep(key: string, message: Message, bytes: number, replaced?: number): void;
}

/** What waits to cross, by topic (see deliver/crossings.ts). */
export interface Crossings<Message> {
  /** Undefined if all of the topic's messages cross at once. */
  of(topic: string): Crossing<Message> | undefined;
  /** Sends what waits of the topic. */
  crossNow(topic: string): void;
}

/** Called with each message that crosses, in the order of their last updates, with how many it has taken the place of
 *  (those are counted where its subscribers are), and with when it was published (see last-updates.ts). */
export type Cross<Message> = (message: Message, replaced: number, machineMs: number) => void;

/** Called with the first message of a topic that waits. Each time it is called again, all messages before have
 *  crossed. */
export type BeginCrossing<Message> = (topic: string, first: Message) => Cross<Message>;

export type NewCrossings = <Message>(begin: BeginCrossing<Message>) => Crossings<Message>;

/** Every message crosses at once. */
export const crossAtOnce: NewCrossings = () => ({ of: () => undefined, crossNow: () => {} });
