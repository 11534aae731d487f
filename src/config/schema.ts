// Every option of the relay. To add one, declare it in a file of options/ and, if the file is new, join it here.
import type { ConfigOf, Option, OptionGroup } from './option.js';
import { auth } from './options/auth.js';
import { cluster } from './options/cluster.js';
import { connections } from './options/connections.js';
import { limits } from './options/limits.js';
import { listen } from './options/listen.js';
import { logging } from './options/logging.js';
import { scale } from './options/scale.js';

/** In the order of --help. */
export const groups = [listen, connections, limits, auth, scale, cluster, logging] as const;

type OptionsOf<G> = G extends OptionGroup<infer O> ? O : never;
type Intersection<U> = (U extends unknown ? (u: U) => void : never) extends (i: infer I) => void ? I : never;
type AllOptions = Intersection<OptionsOf<(typeof groups)[number]>>;

/** The relay's effective configuration: every option, validated. */
export type RelayConfig = ConfigOf<{ [K in keyof AllOptions]: AllOptions[K] }>;

/** By config key. */
export const options = Object.assign({}, ...groups.map((group) => group.options)) as Record<keyof RelayConfig, Option>;
