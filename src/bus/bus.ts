// How a publish reaches subscribers beyond this relay: those of other worker threads (threads.ts) and other nodes
// (nats.ts).

import type { Census, Question, TakeCensus } from './census.js';
import type { OptionDifference } from './rules.js';

/** The form of a message on the wire, and so what a subscriber of another relay gets. */
export const CrossingKind = {
  /** A text frame, verbatim. */
  text: 0,
  /** A binary frame, verbatim. */
  binary: 1,
  /** What an enveloped socket published: the receiving relay makes each audience's form of it. The bus does not read
   *  it. */
  envelope: 2,
  /** A join or leave as enveloped sockets get it. */
  presence: 3,
} as const;

export type CrossingKind = (typeof CrossingKind)[keyof typeof CrossingKind];

/** Takes what other relays published. `message` is only valid during the call: copy what must be kept. */
export type Deliver = (topic: string, message: Uint8Array, kind: CrossingKind) => void;

/** Told when a topic gets its first subscriber here and when it loses its last one, so that only topics with
 *  subscribers are received. */
export interface Interest {
  subscribe(topic: string): void;
  unsubscribe(topic: string): void;
}

export interface Bus extends Interest {
  /** From now on what arrives goes to `deliver`, and `takeCensus` answers for this relay. Call it once. */
  start(deliver: Deliver, takeCensus?: TakeCensus): void;
  /** Passes a message on to every other relay that has subscribers of the topic. Never waits: `message` is copied
   *  before this returns, and what exceeds the memory limit is counted in `status()`. One publisher's messages keep
   *  their order. */
  forward(topic: string, message: ArrayBuffer | Uint8Array, kind: CrossingKind): void;
  /** False if no other relay wants the topic at the moment. */
  reaches(topic: string): boolean;
  /** Asks every other relay about a topic's subscribers. Returns the answers that came; one answer may be that of
   *  several relays. */
  survey(question: Question): Promise<readonly Census[]>;
  /** Whether other nodes will get all that was forwarded of a topic until now: NATS has taken it. When this
   *  resolves, all that NATS had taken from others before has arrived here. Resolves at once with true if there are
   *  no other nodes. */
  confirm(topic: string): Promise<boolean>;
  /** What this bus has done so far. */
  status(): BusStatus;
  /** Sends what is under way, then closes. */
  close(): Promise<void>;
}

/** Threads by number, for data that one of them owns. Records are bytes; those of one thread keep their order, also
 *  relative to the messages that it forwards. */
export interface Threads {
  readonly self: number;
  /** The thread that numbers a topic's messages. */
  ownerOf(topic: string): number;
  /** Whether a thread is there. */
  has(thread: number): boolean;
  /** False if the thread is away. What exceeds the memory limit is lost, and counted in `status()`. */
  send(thread: number, topic: string, record: Uint8Array): boolean;
  /** Whether another thread has subscribers of the topic. */
  isWanted(topic: string): boolean;
  /** Sends to every other thread that has. */
  sendToInterested(topic: string, record: Uint8Array): void;
  attend(observer: ThreadsObserver): void;
}

export interface ThreadsObserver {
  record(thread: number, topic: string, record: Uint8Array): void;
  /** A thread has ended. */
  gone(thread: number): void;
  /** A thread has begun in the place of one that ended. It reads what it is sent before it lets clients in. */
  came(thread: number): void;
  /** An owner was cut off for a while, and may have numbered messages that did not arrive here. */
  doubt(): void;
}

export const NO_OBSERVER: ThreadsObserver = { record: () => {}, gone: () => {}, came: () => {}, doubt: () => {} };

export interface BusStatus {
  /** False while other relays cannot be reached: local relaying goes on. */
  readonly connected: boolean;
  /** False while NATS does not provide the streams of --history and --state; true if there are none. */
  readonly streamsReady: boolean;
  /** How many other nodes are heard, and where their rules differ from this node's. */
  readonly nodes: number;
  readonly differences: readonly OptionDifference[];
  /** Messages handed over, once for each relay or broker that got it. */
  readonly forwarded: number;
  /** Messages that came in from other relays. */
  readonly received: number;
  /** Messages that could not be handed over: there was no connection, or the memory limit was reached. */
  readonly lost: number;
  /** Messages that NATS had not confirmed when the connection broke, or that a stream did not confirm in time: some
   *  may not have arrived. */
  readonly unconfirmed: number;
  /** How often the connection to NATS came back. */
  readonly reconnects: number;
}

export const NO_STATUS: BusStatus = {
  connected: true,
  streamsReady: true,
  nodes: 0,
  differences: [],
  forwarded: 0,
  received: 0,
  lost: 0,
  unconfirmed: 0,
  reconnects: 0,
};
