// The configuration of a relay: from flags, variables and a file, or from the keys that a program gives; and as it may
// be shown.
import { options, type RelayConfig, relaySchema } from './schema.js';
import { byKey, checked, loadOptions, type Origin, parse, REDACTED, type Sources } from './sources.js';

type Key = keyof RelayConfig;
const keys = Object.keys(options) as Key[];

export interface LoadedConfig {
  readonly config: RelayConfig;
  readonly origins: Readonly<Record<Key, Origin>>;
}

/** The effective configuration.
 *  @throws FanwireError FANWIRE_CONFIG_UNKNOWN, FANWIRE_CONFIG_RANGE, FANWIRE_CONFIG_FILE or FANWIRE_CONFIG_CONFLICT */
export function loadConfig(sources: Sources): LoadedConfig {
  return loadOptions(relaySchema, sources);
}

/** The configuration that a program asks for by keys; undefined values count as unset. Neither variables nor files are
 *  read.
 *  @param defaults stand in place of the schema's
 *  @throws FanwireError as loadConfig does */
export function configOf(given: object, defaults: Partial<RelayConfig>): RelayConfig {
  const values = byKey(options, given, 'of startRelay');
  const config: Record<string, unknown> = {};
  for (const key of keys) {
    const value = values.get(key);
    const initial = Object.hasOwn(defaults, key) ? defaults[key] : options[key].default;
    config[key] = value === undefined ? initial : parse(relaySchema, options[key], value, `"${key}" of startRelay`);
  }
  return checked(relaySchema, config);
}

function withoutCredentials(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutCredentials);
  return typeof value === 'string' ? value.replace(/(:\/\/)[^/@\s]+@/g, `$1${REDACTED}@`) : value;
}

/** The configuration as it may be printed: secrets, and credentials inside URLs, are left out. */
export function redacted(config: RelayConfig): Record<string, unknown> {
  const shown: Record<string, unknown> = {};
  for (const key of keys) {
    const hidden = options[key].secret && config[key] !== options[key].default;
    shown[key] = hidden ? REDACTED : withoutCredentials(config[key]);
  }
  return shown;
}
