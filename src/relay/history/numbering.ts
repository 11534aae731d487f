// What goes to a topic's owner to be numbered, and what comes back.
import type { Payload, PublishId } from '../../protocol/ops.js';
import type { Connection } from '../fanout/audience.js';

/** A message on its way to its number. */
export interface Outgoing {
  readonly topic: string;
  readonly body: string;
  readonly from: string | undefined;
  readonly sender: Connection | undefined;
  /** Both forms of it, where they are at hand: it need not be made from `body` again. Valid until publish() returns. */
  readonly payload: Payload;
  readonly once?: PublishId | undefined;
  /** Its publisher waits for no answer: of a state that is delivered by windows it may be replaced on its way. Unless
   *  given, it is that where there is no `acknowledge`. */
  readonly isUnasked?: boolean;
}

/** A message with its place in the topic, to be fanned out here. */
export interface Numbered {
  readonly topic: string;
  readonly body: string;
  readonly seq: number;
  readonly from: string | undefined;
  /** The connection to leave out, or its id, which may be another thread's. */
  readonly sender: Connection | string | undefined;
  readonly payload?: Payload;
  /** What its publisher called its key. */
  readonly key?: string | undefined;
  /** Deliver to raw sockets only; enveloped sockets get it from the history copy. */
  readonly isForRawOnly?: boolean;
}

/** Told what the sequencer learns. */
export interface SequencerObserver {
  numbered(message: Numbered): void;
  /** The stream of a topic broke off and goes on elsewhere: its subscribers here have to recover. */
  broken(topic: string): void;
}

/** Told of the number a publish got, or that its owner went away with it. */
export type Acknowledge = (seq: number | undefined) => void;
