// What is sent to a topic's owner to be numbered, and what comes back.
import type { Payload, PublishId } from '../../protocol/ops.js';
import type { Connection } from '../fanout/audience.js';

/** A message that has yet to be numbered. */
export interface Outgoing {
  readonly topic: string;
  readonly body: string;
  readonly from: string | undefined;
  readonly sender: Connection | undefined;
  /** Both forms of the message, if at hand, so that they need not be made from `body` again. Valid until publish()
   *  returns. */
  readonly payload: Payload;
  readonly once?: PublishId | undefined;
  /** Its publisher waits for no answer: in a state that is delivered by windows, a newer message may replace it
   *  before it is numbered. By default true if there is no `acknowledge`. */
  readonly isUnasked?: boolean;
}

/** A message with its number, to be fanned out here. */
export interface Numbered {
  readonly topic: string;
  readonly body: string;
  readonly seq: number;
  readonly from: string | undefined;
  /** The connection to leave out, or its id if it may be another thread's. */
  readonly sender: Connection | string | undefined;
  readonly payload?: Payload;
  /** The key that its publisher gave. */
  readonly key?: string | undefined;
  /** Deliver to raw sockets only; enveloped sockets get it from the history copy. */
  readonly isForRawOnly?: boolean;
  /** Messages that it has taken the place of on its way. */
  readonly replaced?: number | undefined;
}

/** A message that a newer one of its key came before. */
export type Overtaken = Pick<Numbered, 'topic' | 'sender' | 'replaced'>;

/** Receives what the sequencer learns. */
export interface SequencerObserver {
  numbered(message: Numbered): void;
  overtaken(message: Overtaken): void;
  /** A message waited for an owner that has ended: it goes to subscribers everywhere without a number. */
  unowned(message: Numbered): void;
  /** A topic's stream broke off and continues elsewhere: its subscribers here have to recover. */
  broken(topic: string): void;
}

/** Called with the number that a publish got, or undefined if its owner ended first. */
export type Acknowledge = (seq: number | undefined) => void;
