// What the main thread and its workers say to each other.

import type { ThreadLink } from '../bus/link.js';
import type { RelayConfig } from '../config/schema.js';
import type { HttpConnections } from '../relay/exit/lingering.js';
import type { Inspection } from '../relay/watch/inspection.js';

/** What a worker starts with. */
export interface WorkerSetup {
  readonly config: RelayConfig;
  readonly index: number;
  /** Prefix of its connections' ids: differs between all workers that were ever started, and between nodes. */
  readonly idPrefix: string;
  readonly interest: SharedArrayBuffer;
  readonly ledger: SharedArrayBuffer;
  readonly links: readonly ThreadLink[];
  readonly hub: number | undefined;
  /** How many others may have what its predecessor kept; 0 for the first in its place. */
  readonly heirTo: number;
  /** One Int32, set once uWS has released the thread's handles. */
  readonly letGo: SharedArrayBuffer;
}

/** What the main thread can have a worker do. Arguments and results are structured clones. */
export interface WorkerOps extends Omit<Inspection, 'port' | 'workerRestarts' | 'cluster'> {
  /** Reads tokens and keys again. */
  reload(): Promise<void>;
  /** Hands over to the other workers what was published here until now, also what waits in windows. */
  flush(): void;
  /** New clients get the certificate that the files hold now. Returns the reason if they cannot. */
  renewCertificate(): string | undefined;
  /** Reports by its health path that new clients should go elsewhere. */
  leave(): void;
  /** Accepts nobody any more and closes every socket, spread over `overMs`. */
  drain(overMs: number): Promise<void>;
  httpConnections(): HttpConnections;
  /** Returns how many subscribers of the process it went to. */
  publish(topic: string, message: Uint8Array, isBinary: boolean): Promise<number>;
  /** Closes what is left, which is nothing but idle HTTP connections. */
  closeIdle(): void;
  /** Cuts what is left and ends the thread. */
  close(): void;
  /** Links a thread that was restarted. */
  link(link: ThreadLink): void;
  /** The relay whose connections' ids begin with `origin` has ended: its members have left. */
  originGone(origin: string): void;
  /** Other nodes may not know who is here: says it again. */
  presenceInDoubt(): void;
  /** Removes a thread that ended. */
  unlink(peer: number): void;
}

export type AnswerOf<Op extends keyof WorkerOps> = Awaited<ReturnType<WorkerOps[Op]>>;

export interface Call {
  readonly id: number;
  readonly op: keyof WorkerOps;
  readonly args: readonly unknown[];
}

export type FromWorker =
  | { readonly type: 'listening' }
  | { readonly type: 'failed'; readonly code: string; readonly message: string }
  | { readonly type: 'result'; readonly id: number; readonly value: unknown }
  | { readonly type: 'error'; readonly id: number; readonly message: string };
