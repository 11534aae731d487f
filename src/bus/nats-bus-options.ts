// What the bus over NATS is made from, and who is told of its connection.
import type { NatsConnection } from '@nats-io/transport-node';
import type { Logger } from '../base/log.js';
import type { Bridge } from './bridge.js';
import type { NatsFiles } from './nats-files.js';
import type { ClusterConfig } from './nats-options.js';
import type { Nodes } from './nodes.js';

/** Told when NATS is there and when it is away. Publishes by itself, and counts as BusStatus does. */
export interface NatsObserver {
  readonly lost: number;
  readonly unconfirmed: number;
  readonly isReady: boolean;
  connected(nats: NatsConnection): void;
  disconnected(): void;
}

export interface NatsBusOptions {
  readonly config: ClusterConfig & { readonly maxPayloadBytes: number };
  readonly log: Logger;
  /** The name that NATS shows for this connection. */
  readonly name: string;
  readonly observer?: NatsObserver | undefined;
  /** The other nodes, and how messages reach those that go by other rules. */
  readonly nodes?: Nodes | undefined;
  readonly bridge?: Bridge | undefined;
  /** What the options name, where somebody else reads it again. */
  readonly files?: NatsFiles | undefined;
}
