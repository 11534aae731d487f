// Merges flags, variables and a file into one validated configuration: flag over variable over file over default.

import { FanwireError } from '../base/error.js';
import { readJsonFile } from '../base/json-file.js';
import { didYouMean } from '../base/nearest.js';
import { variableOf } from './option.js';
import { groups, options, type RelayConfig } from './schema.js';

export type Origin = 'flag' | 'variable' | 'file' | 'default';
type Key = keyof RelayConfig;

export interface LoadedConfig {
  readonly config: RelayConfig;
  /** Where each value came from. */
  readonly origins: Readonly<Record<Key, Origin>>;
}

export interface ConfigSources {
  /** By config key; only what was given on the command line. */
  readonly flags?: Readonly<Record<string, unknown>>;
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Path of a JSON file with config keys; FANWIRE_CONFIG where undefined. */
  readonly file?: string | undefined;
}

/** What stands for a secret wherever a configuration is shown. */
const REDACTED = '<redacted>';
const CONFIG_VARIABLE = 'FANWIRE_CONFIG';
const keys = Object.keys(options) as Key[];
const keyByVariable = new Map(keys.map((key) => [variableOf(options[key].flag), key]));

/** Kubernetes sets these in every pod beside a Service that is called `fanwire`; they are not meant for the relay. */
const SERVICE_LINK = /^FANWIRE_(SERVICE_(HOST|PORT)(_|$)|PORT_\d+_(TCP|UDP))/;
const SERVICE_LINK_PORT = /^(tcp|udp):\/\//;

function fromEnvironment(env: Readonly<Record<string, string | undefined>>): Map<Key, string> {
  const given = new Map<Key, string>();
  for (const [name, value] of Object.entries(env)) {
    if (!name.startsWith('FANWIRE_') || name === CONFIG_VARIABLE || SERVICE_LINK.test(name)) continue;
    const key = keyByVariable.get(name);
    if (key === undefined) {
      const near = didYouMean(name, [...keyByVariable.keys(), CONFIG_VARIABLE]);
      throw new FanwireError('FANWIRE_CONFIG_UNKNOWN', `unknown variable ${name}${near}`);
    }
    if (value === undefined || value === '') continue; // an empty variable is how compose files say "not set"
    if (key === 'port' && SERVICE_LINK_PORT.test(value)) continue;
    given.set(key, value);
  }
  return given;
}

function fromFile(path: string): Map<Key, unknown> {
  let content: unknown;
  try {
    content = readJsonFile(path);
  } catch (error) {
    throw new FanwireError('FANWIRE_CONFIG_FILE', `cannot read --config "${path}": ${(error as Error).message}`);
  }
  if (typeof content !== 'object' || content === null || Array.isArray(content)) {
    throw new FanwireError('FANWIRE_CONFIG_FILE', `--config "${path}" must hold one JSON object`);
  }
  const where = `in --config "${path}"`;
  const given = byKey(content, where);
  for (const [name, value] of given) {
    if (JSON.stringify(value)?.includes(REDACTED)) {
      throw new FanwireError('FANWIRE_CONFIG_FILE', `"${name}" ${where} is redacted; put its value in`);
    }
  }
  return given;
}

function byKey(content: object, where: string): Map<Key, unknown> {
  for (const name of Object.keys(content)) {
    if (Object.hasOwn(options, name)) continue;
    throw new FanwireError('FANWIRE_CONFIG_UNKNOWN', `unknown key "${name}" ${where}${didYouMean(name, keys)}`);
  }
  return new Map(Object.entries(content) as [Key, unknown][]);
}

function parse(key: Key, value: unknown, source: string): unknown {
  const option = options[key];
  const result = option.type.safeParse(value);
  if (result.success) return result.data;
  const shown = option.secret ? REDACTED : typeof value === 'bigint' ? `${value}n` : JSON.stringify(value);
  const problem = result.error.issues.find((issue) => issue.code === 'custom')?.message;
  const must = problem ?? `must be ${option.type.description ?? 'valid'}`;
  throw new FanwireError('FANWIRE_CONFIG_RANGE', `${source} ${must}, got ${shown}`);
}

/** The effective configuration.
 *  @throws FanwireError FANWIRE_CONFIG_UNKNOWN, FANWIRE_CONFIG_RANGE, FANWIRE_CONFIG_FILE or FANWIRE_CONFIG_CONFLICT */
export function loadConfig({
  flags = {},
  env = {},
  file = env[CONFIG_VARIABLE] || undefined,
}: ConfigSources): LoadedConfig {
  const variables = fromEnvironment(env);
  const fileValues = file === undefined ? new Map<Key, unknown>() : fromFile(file);
  const config: Record<string, unknown> = {};
  const origins = {} as Record<Key, Origin>;
  for (const key of keys) {
    const { flag } = options[key];
    if (flags[key] !== undefined) {
      origins[key] = 'flag';
      config[key] = parse(key, flags[key], `--${flag}`);
    } else if (variables.has(key)) {
      origins[key] = 'variable';
      config[key] = parse(key, variables.get(key), variableOf(flag));
    } else if (fileValues.has(key)) {
      origins[key] = 'file';
      config[key] = parse(key, fileValues.get(key), `"${key}" in --config "${file}"`);
    } else {
      origins[key] = 'default';
      config[key] = options[key].default;
    }
  }
  return { config: checked(config as RelayConfig), origins };
}

/** The configuration that a program asks for by keys; undefined values count as unset. Neither variables nor files are
 *  read.
 *  @param defaults stand in place of the schema's
 *  @throws FanwireError as loadConfig does */
export function configOf(given: object, defaults: Partial<RelayConfig>): RelayConfig {
  const values = byKey(given, 'of startRelay');
  const config: Record<string, unknown> = {};
  for (const key of keys) {
    const value = values.get(key);
    const initial = Object.hasOwn(defaults, key) ? defaults[key] : options[key].default;
    config[key] = value === undefined ? initial : parse(key, value, `"${key}" of startRelay`);
  }
  return checked(config as RelayConfig);
}

function checked(config: RelayConfig): RelayConfig {
  for (const group of groups) (group.check as ((config: RelayConfig) => void) | undefined)?.(config);
  return config;
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
