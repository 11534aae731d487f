// What a scenario is: a name, one paragraph, and defaults for the parameters that every engine understands.

/** Everything that a run can vary. A scenario sets the defaults; a `--scenario file.json` and flags override them. */
export interface Plan {
  /** Scenario name, as `fanwire bench list` prints it. */
  scenario: string;
  /** Connections that listen, spread evenly over the topics (subscriber i listens on topic i mod topics). */
  subscribers: number;
  /** Connections that publish, spread evenly over the topics. What they hear themselves is read but not counted. */
  publishers: number;
  topics: number;
  /** Topic i is `${topicPrefix}${i}`; on a server that knows only one room, ignored. */
  topicPrefix: string;
  /** Messages per second over all publishers together, open loop: message k of a publisher is due whether or not the
   *  one before was answered. 0: nobody publishes. */
  rate: number;
  /** Messages of one publisher that are due at the same instant (the rate stays: a burst of 64 at 640 msg/s is ten
   *  bursts a second). */
  burst: number;
  /** Bytes of one message, the stamp of `STAMP_BYTES` included. */
  payloadBytes: number;
  /** true: binary frames, false: text frames. The bytes are ASCII either way. */
  binary: boolean;
  /** Seconds of load before anything is measured or counted. */
  warmupS: number;
  /** Seconds of load that are measured. */
  durationS: number;
  /** Seconds to wait at most for deliveries still on their way once publishing has ended. */
  drainS: number;
  /** New connections per second; 0: as fast as `maxHandshakes` allows. */
  connectRate: number;
  /** Handshakes in flight at most, over all generator processes. */
  maxHandshakes: number;
  /** Seconds after which a connection that has not finished its handshake counts as failed. */
  connectTimeoutS: number;
  /** Subscribers replaced per second (one closes, a new one connects in its place) while messages are measured. */
  churnRate: number;
  /** Fraction (0 to 1) of the subscribers that lose their connection at once, a third into the measured time, and come
   *  back as fast as `maxHandshakes` allows. */
  stormFraction: number;
  /** Further connections, beside `subscribers`, that subscribe and then never read. They are expected to lose; the
   *  others are not. */
  stalledSubscribers: number;
  /** Keys that each publisher's messages are about, in turn; 0: none. A key is the first word of a message, up to a
   *  comma, and the field `key` of an enveloped one. */
  keys: number;
  /** How a relay that the bench starts delivers its topics, such as `50ms,latest-by-key:,`; '': every message at
   *  once. */
  deliver: string;
  /** Generator processes that hold subscribers; 0: one per core that the server does not have, at least one. */
  generators: number;
}

/** Bytes that a message needs at least: who sent it, its sequence number and when it was due (see
 *  bench/load/stamp.ts). */
export const STAMP_BYTES = 24;

/** A scenario: parameters only. `sweep` and `search` run the plan several times and give one result with `steps`. */
export interface Scenario {
  readonly name: string;
  /** One line for `fanwire bench list`. */
  readonly summary: string;
  /** What the figures of this scenario tell and what they do not; a few sentences. */
  readonly explains: string;
  /** The only engine that can play it; without one: native, or k6 where that can. */
  readonly engine?: 'autocannon';
  /** Routes of the admin port to GET instead of publishing. */
  readonly paths?: readonly string[];
  /** Where it departs from `PLAN_DEFAULTS`. */
  readonly defaults: Partial<Plan>;
  /** Runs the plan once for each value of one numeric parameter. */
  readonly sweep?: Sweep;
  /** Looks for the highest `rate` that holds an objective. */
  readonly search?: Search;
}

export interface Sweep {
  readonly param: 'payloadBytes' | 'rate' | 'subscribers' | 'burst';
  readonly values: readonly number[];
  readonly unit: string;
}

export interface Search {
  /** Such as `p99<20ms,loss==0`; `--slo` overrides it. */
  readonly slo: string;
  readonly minRate: number;
  readonly maxRate: number;
  /** Stops when the bracket is within this fraction of the rate. */
  readonly precision: number;
}

/** The defaults of every parameter: a run that ends within twenty seconds and means something on two cores. */
export const PLAN_DEFAULTS: Readonly<Plan> = {
  scenario: 'fan-out',
  subscribers: 500,
  publishers: 1,
  topics: 1,
  topicPrefix: 'bench-',
  rate: 100,
  burst: 1,
  payloadBytes: 128,
  binary: false,
  warmupS: 2,
  durationS: 10,
  drainS: 5,
  connectRate: 0,
  maxHandshakes: 64,
  connectTimeoutS: 10,
  churnRate: 0,
  stormFraction: 0,
  stalledSubscribers: 0,
  keys: 0,
  deliver: '',
  generators: 0,
};
