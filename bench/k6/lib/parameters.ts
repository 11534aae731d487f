// The parameters of a scenario, each declared once. Generated from this: the plan and its defaults; the flags of
// `fanwire bench` and `compare` with their variables, file keys, help and docs; and the settings of the k6 scripts
// (the key in upper snake case: warmupS is WARMUP_S) with their help and docs. Plain data without imports, because k6
// reads it too.

/** Minimum size of a message in bytes, because it contains who sent it, its sequence number and its due time
 *  (lib/stamp.ts). */
export const STAMP_BYTES = 24;

/** `count`: a whole number; `amount`: any number; `seconds`, `bytes` and `share` (0 to 1, or 20%): as people write
 *  them. */
export type ParameterKind = 'count' | 'amount' | 'seconds' | 'bytes' | 'share' | 'text' | 'toggle';

export interface Parameter {
  readonly flag: string;
  readonly kind: ParameterKind;
  readonly default: number | string | boolean;
  /** What it does, without a full stop at the end. */
  readonly description: string;
  /** For numbers only. */
  readonly min?: number;
  readonly max?: number;
  readonly unit?: string;
  /** How the k6 scripts use it: with a default or a minimum of their own, or why they can only play its default.
   *  Absent: they do not use it. */
  readonly k6?: K6Setting | { readonly refused: string };
}

export interface K6Setting {
  readonly default?: number;
  readonly min?: number;
  /** Its default in words, where a script or another setting determines it. */
  readonly usually?: string;
}

const MOST = 10_000_000;
const DAY_S = 86_400;

/** In the order of --help. */
export const PARAMETERS = {
  /** Subscriber i listens on topic i mod topics. */
  subscribers: {
    flag: 'subscribers',
    kind: 'count',
    min: 0,
    max: MOST,
    default: 500,
    description: 'connections that listen, spread over the topics',
    k6: { default: 100, min: 1, usually: "the script's" },
  },
  /** Publisher i publishes to topic i mod topics. Messages that publishers receive are read but not counted. */
  publishers: {
    flag: 'publishers',
    kind: 'count',
    min: 0,
    max: MOST,
    default: 1,
    description: 'connections that publish, spread over the topics',
    k6: { min: 1, usually: "the script's" },
  },
  topics: {
    flag: 'topics',
    kind: 'count',
    min: 1,
    max: MOST,
    default: 1,
    description: 'topics',
    k6: { usually: "the script's" },
  },
  /** Ignored on a server that has only one room. In k6 it is part of URL. */
  topicPrefix: {
    flag: 'topic-prefix',
    kind: 'text',
    default: 'bench-',
    description: 'topic i is named this and i; one of its own per generator machine',
  },
  /** Open loop: message k of a publisher is due whether or not the one before it was answered. */
  rate: {
    flag: 'rate',
    kind: 'amount',
    min: 0,
    max: 1e7,
    unit: 'msg/s',
    default: 100,
    description: 'messages due per second, over all publishers; 0 = none',
    k6: { default: 50, usually: "the script's" },
  },
  /** The rate does not change: with a burst of 64 at 640 msg/s, there are ten bursts per second. */
  burst: {
    flag: 'burst',
    kind: 'count',
    min: 1,
    max: 1e5,
    default: 1,
    description: 'messages of one publisher due at the same instant',
    k6: { usually: "the script's, 1" },
  },
  payloadBytes: {
    flag: 'payload',
    kind: 'bytes',
    min: STAMP_BYTES,
    max: 16 * 2 ** 20,
    unit: 'bytes',
    default: 128,
    description: `size of a message, the ${STAMP_BYTES} bytes of its stamp included`,
    k6: {},
  },
  /** The bytes are ASCII in both cases. */
  binary: {
    flag: 'binary',
    kind: 'toggle',
    default: false,
    description: 'binary frames instead of text',
    k6: {},
  },
  warmupS: {
    flag: 'warmup',
    kind: 'seconds',
    min: 0,
    max: DAY_S,
    unit: 's',
    default: 2,
    description: 'load before anything is measured',
    k6: {},
  },
  durationS: {
    flag: 'duration',
    kind: 'seconds',
    min: 0.1,
    max: DAY_S,
    unit: 's',
    default: 10,
    description: 'measured load',
    k6: { usually: '10, or the sum of `STAGES`' },
  },
  drainS: {
    flag: 'drain',
    kind: 'seconds',
    min: 0,
    max: DAY_S,
    unit: 's',
    default: 5,
    description: 'wait at most for deliveries under way',
    k6: {},
  },
  /** k6 needs the ramp's length in advance, so it cannot connect "as fast as possible". */
  connectRate: {
    flag: 'connect-rate',
    kind: 'count',
    min: 0,
    max: MOST,
    unit: '1/s',
    default: 0,
    description: 'new connections per second; 0 = as --max-handshakes allows',
    k6: { default: 500, min: 1 },
  },
  /** In all generator processes together. */
  maxHandshakes: {
    flag: 'max-handshakes',
    kind: 'count',
    min: 1,
    max: MOST,
    default: 64,
    description: 'handshakes in flight at most',
    k6: {},
  },
  connectTimeoutS: {
    flag: 'connect-timeout',
    kind: 'seconds',
    min: 0.1,
    max: DAY_S,
    unit: 's',
    default: 10,
    description: 'a handshake that takes longer has failed',
    k6: {},
  },
  /** During the measured phase, one subscriber closes and a new one connects in its place. */
  churnRate: {
    flag: 'churn-rate',
    kind: 'amount',
    min: 0,
    max: 1e5,
    unit: '1/s',
    default: 0,
    description: 'subscribers replaced per second',
    k6: { usually: "the script's, 0" },
  },
  /** They reconnect as fast as `maxHandshakes` allows. */
  stormFraction: {
    flag: 'storm-fraction',
    kind: 'share',
    min: 0,
    max: 1,
    default: 0,
    description: 'share of the subscribers cut at once, a third into the measured time',
    k6: { refused: 'reconnect-storm is for --engine native' },
  },
  /** A key is the first word of a message, up to a comma; in an enveloped message, it is the field `key`. */
  keys: {
    flag: 'keys',
    kind: 'count',
    min: 0,
    max: 100_000,
    default: 0,
    description: 'keys that each publisher’s messages are about, in turn; 0 = none',
    k6: { refused: 'state is for --engine native' },
  },
  deliver: {
    flag: 'deliver',
    kind: 'text',
    default: '',
    description: 'how a relay that is started here delivers: "50ms,latest-by-key:,"; "" = every message at once',
  },
  /** In addition to `subscribers`. They are expected to lose messages; the others are not. */
  stalledSubscribers: {
    flag: 'stalled',
    kind: 'count',
    min: 0,
    max: MOST,
    default: 0,
    description: 'further subscribers that never read',
    k6: { refused: 'k6 always reads its sockets' },
  },
  generators: {
    flag: 'generators',
    kind: 'count',
    min: 0,
    max: 1024,
    default: 0,
    description: 'generator processes that subscribe; 0 = one per core that the server leaves',
  },
} as const satisfies Readonly<Record<string, Parameter>>;

type Declared = typeof PARAMETERS;
export type ParameterKey = keyof Declared;

/** The type of the values that a parameter takes. */
export type ValueOf<K extends ParameterKey> = Declared[K]['kind'] extends 'text'
  ? string
  : Declared[K]['kind'] extends 'toggle'
    ? boolean
    : number;

/** A value of every parameter. */
export type Parameters = { [K in ParameterKey]: ValueOf<K> };

/** The parameters that are settings of the k6 scripts. */
export type K6Key = {
  [K in ParameterKey]: Declared[K] extends { readonly k6: infer S }
    ? S extends { readonly refused: string }
      ? never
      : K
    : never;
}[ParameterKey];

export const parameterKeys = Object.keys(PARAMETERS) as ParameterKey[];

/** The declaration of `key`, whatever its kind. */
export function parameter(key: ParameterKey): Parameter {
  return PARAMETERS[key];
}

/** How k6 takes `key`; undefined if it is no setting of the k6 scripts. */
export function k6Setting(key: ParameterKey): K6Setting | undefined {
  const { k6 } = parameter(key);
  return k6 === undefined || 'refused' in k6 ? undefined : k6;
}

export const k6Keys = parameterKeys.filter((key) => k6Setting(key) !== undefined) as K6Key[];

/** `payloadBytes` → `PAYLOAD_BYTES`. */
export function settingOf(key: string): string {
  return key.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase();
}
