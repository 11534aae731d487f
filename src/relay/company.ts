// What a relay knows of the relays it works with: none, threads of its process, other nodes.
import type { Bus, Threads } from '../bus/bus.js';
import type { JetStreamOwner } from '../bus/jetstream.js';
import type { Nodes } from '../bus/nodes.js';
import { noBus } from '../bus/none.js';
import type { Ledger } from './door/ledger.js';

export interface Company {
  /** How its publishes reach the others. */
  readonly bus: Bus;
  /** The threads of its process, one of which owns each topic with history; undefined if it is the only thread. */
  readonly threads: Threads | undefined;
  /** Prefix of its connections' ids, so that they are unique among the threads of a process. */
  readonly idPrefix: string;
  /** Counts connections over all threads; undefined if there is only one. */
  readonly ledger: Ledger | undefined;
  /** Set for a thread that takes the place of one that died: how many others may have what it kept. */
  readonly heirTo?: number;
  /** Whether other threads listen on the same port. */
  readonly sharesPort: boolean;
}

/** What joins a node with others. */
export interface Cluster {
  readonly bus: Bus;
  /** Numbers and keeps the messages of topics with history; undefined if none are kept. */
  readonly owner: JetStreamOwner | undefined;
  /** The other nodes. */
  readonly nodes: Nodes;
  /** Differs between nodes: prefix of the ids of this node's connections. */
  readonly idPrefix: string;
}

export const ALONE: Company = { bus: noBus, threads: undefined, idPrefix: '', ledger: undefined, sharesPort: false };
