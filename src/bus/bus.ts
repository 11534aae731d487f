// How a publish reaches subscribers beyond this relay: those of other worker threads (threads.ts) and other nodes
// (nats.ts).

import type { Census, Question, TakeCensus } from './census.js';
import type { OptionDifference } from './rules.js';

/** What a message is on the wire, and so what a far subscriber gets. */
export const CrossingKind = {
  /** A text frame, verbatim. */
  text: 0,
  /** A binary frame, verbatim. */
  binary: 1,
  /** What an enveloped socket published: the relay that receives it writes each audience's form. Opaque to the bus. */
  envelope: 2,
  /** A join or leave as enveloped sockets get it. */
  presence: 3,
} as const;

export type CrossingKind = (typeof CrossingKind)[keyof typeof CrossingKind];

/** Takes what other relays published. `message` is only valid during the call: copy what is kept. */
export type Deliver = (topic: string, message: Uint8Array, kind: CrossingKind) => void;

/** Told of a topic's first subscriber here and of its last one's end, so that only what somebody here wants comes
 *  in. */
export interface Interest {
  subscribe(topic: string): void;
  unsubscribe(topic: string): void;
}

export interface Bus extends Interest {
  /** From here on what comes in goes to `deliver`, and `takeCensus` answers for this relay. Call it once. */
  start(deliver: Deliver, takeCensus?: TakeCensus): void;
  /** Passes a message on to every other relay that has subscribers of the topic. Never waits: `message` is copied
   *  before this returns, and what does not fit into bounded memory is counted in `status()`. One publisher's messages
   *  keep their order. */
  forward(topic: string, message: ArrayBuffer | Uint8Array, kind: CrossingKind): void;
  /** Asks every other relay about a topic's subscribers. Gives the answers that came, one for each or for several
   *  together. */
  survey(question: Question): Promise<readonly Census[]>;
  /** Whether other nodes will get all that was forwarded of a topic until now: NATS has taken it. When this resolves,
   *  all that NATS had taken of others before has come in here. At once, and true, where there are no other nodes. */
  confirm(topic: string): Promise<boolean>;
  /** What this bus has done so far. */
  status(): BusStatus;
  /** Sends what is under way and ends. */
  close(): Promise<void>;
}

/** Threads by number, for what has one owner among them. Records are bytes; one thread's keep their order, also
 *  with messages that it forwards. */
export interface Threads {
  readonly self: number;
  /** The thread that numbers a topic's messages. */
  ownerOf(topic: string): number;
  /** Whether a thread is there. */
  has(thread: number): boolean;
  /** False where the thread is away. What does not fit into bounded memory is lost, and counted in `status()`. */
  send(thread: number, topic: string, record: Uint8Array): boolean;
  /** Sends to every other thread that has subscribers of the topic. */
  sendToInterested(topic: string, record: Uint8Array): void;
  attend(observer: ThreadsObserver): void;
}

export interface ThreadsObserver {
  record(thread: number, topic: string, record: Uint8Array): void;
  /** A thread has ended. */
  gone(thread: number): void;
  /** An owner was cut off for a while, and may have gone on meanwhile. */
  doubt(): void;
}

export const NO_OBSERVER: ThreadsObserver = { record: () => {}, gone: () => {}, doubt: () => {} };

export interface BusStatus {
  /** False while other relays cannot be reached: local relaying goes on. */
  readonly connected: boolean;
  /** False while NATS does not have the streams of --history and --state at hand; true where there are none. */
  readonly streamsReady: boolean;
  /** Other nodes that are heard, and where they go by other rules than this one. */
  readonly nodes: number;
  readonly differences: readonly OptionDifference[];
  /** Messages handed over, once for each relay or broker that got it. */
  readonly forwarded: number;
  /** Messages that came in from other relays. */
  readonly received: number;
  /** Messages that could not be handed over: nobody was connected, or the bound on what waits was reached. */
  readonly lost: number;
  /** Messages that NATS had not confirmed when the connection broke, or a stream not in time: some may not have
   *  arrived. */
  readonly unconfirmed: number;
  /** Times that the connection to NATS came back. */
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
