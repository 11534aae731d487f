// The options of the owner of a cluster's histories and states, and where its records go.
import type { Logger } from '../base/log.js';
import type { Bridge } from './bridge.js';
import type { StreamsOptions } from './jetstream-streams.js';
import type { Nodes } from './nodes.js';

export interface JetStreamOptions extends StreamsOptions {
  readonly log: Logger;
  /** Finds the streams for a message, those of nodes that keep other topics included. */
  readonly bridge: Bridge;
  /** How long a topic's messages may wait for their window's end before they are published; undefined where they do
   *  not. */
  readonly windowOf?: (topic: string) => number | undefined;
  /** The other nodes. */
  readonly nodes?: Nodes;
}

/** Where records for the relays of this node go. */
export interface OwnerOutput {
  /** Sends a record to every relay of this node that has subscribers of the topic. */
  send(topic: string, record: Uint8Array): void;
  /** Tells the relays that what they have may be out of date. */
  doubt(): void;
}
