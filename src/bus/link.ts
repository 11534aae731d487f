// What threads share with each other, and the options of a bus between them.
import type { MessagePort } from 'node:worker_threads';

/** One end of what two threads share: a ring each way, and a port that wakes the other side. */
export interface ThreadLink {
  readonly peer: number;
  readonly port: MessagePort;
  readonly inbound: SharedArrayBuffer;
  readonly outbound: SharedArrayBuffer;
}

/** What a thread tells the hub about topics. */
export interface HubObserver {
  subscribed(peer: number, topic: string): void;
  unsubscribed(peer: number, topic: string): void;
}

export interface ThreadsOptions {
  /** This thread's place in the table. */
  readonly self: number;
  /** How many workers there are. */
  readonly count?: number;
  readonly interest: SharedArrayBuffer;
  readonly links: readonly ThreadLink[];
  /** The thread that speaks to other nodes; it needs topics by name. Undefined without a cluster. */
  readonly hub?: number | undefined;
  /** Set in the hub itself. */
  readonly observer?: HubObserver;
}
