// What waits on its way to other threads and nodes, since a newer message may take its place.
import type { KeyReader } from '../config/deliver-key.js';

/** What of one topic waits to cross to other threads or nodes: the newest of each key. */
export interface Crossing<Message> {
  /** How its messages are told apart. */
  readonly keyOf: KeyReader;
  /** Keeps a message of so many bytes in the place of the one before it with this key. */
  keep(key: string, message: Message, bytes: number): void;
}

/** What waits to cross, by topic (see deliver/crossings.ts). */
export interface Crossings<Message> {
  /** Undefined where all of the topic's messages cross at once. */
  of(topic: string): Crossing<Message> | undefined;
  /** What waits of the topic crosses. */
  crossNow(topic: string): void;
}

/** Called with the first message that waits of a topic: gives what is called with each that crosses, in the order of
 *  their last updates. Whenever it is called anew, all before has crossed. */
export type BeginCrossing<Message> = (topic: string, first: Message) => (message: Message) => void;

export type NewCrossings = <Message>(begin: BeginCrossing<Message>) => Crossings<Message>;

/** Every message crosses at once. */
export const crossAtOnce: NewCrossings = () => ({ of: () => undefined, crossNow: () => {} });
