// Every option of the relay. To add one, declare it in a file of options/ and, if the file is new, join it here.
import type { ConfigOfGroups, Option, Schema } from './option.js';
import { auth } from './options/auth.js';
import { cluster } from './options/cluster.js';
import { connections } from './options/connections.js';
import { limits } from './options/limits.js';
import { listen } from './options/listen.js';
import { logging } from './options/logging.js';
import { scale } from './options/scale.js';

/** In the order of --help. */
export const groups = [listen, connections, limits, auth, scale, cluster, logging] as const;

export const relaySchema: Schema<typeof groups> = { prefix: 'FANWIRE_', groups, rangeCode: 'FANWIRE_CONFIG_RANGE' };

/** The relay's effective configuration: every option, validated. */
export type RelayConfig = ConfigOfGroups<typeof groups>;

/** By config key. */
export const options = Object.assign({}, ...groups.map((group) => group.options)) as Record<keyof RelayConfig, Option>;
