// Merges flags, variables and a file into one value of every option of a command: flag over variable over file over
// default.

import { FanwireError } from '../base/error.js';
import { readJsonFile } from '../base/json-file.js';
import { didYouMean } from '../base/nearest.js';
import { type AnyGroup, type ConfigOfGroups, type Option, optionsOf, type Schema, variableOf } from './option.js';

export type Origin = 'flag' | 'variable' | 'file' | 'default';

export interface Loaded<G extends readonly AnyGroup[]> {
  readonly config: ConfigOfGroups<G>;
  /** Where each value came from. */
  readonly origins: Readonly<Record<keyof ConfigOfGroups<G>, Origin>>;
}

export interface Sources {
  /** By config key; only what was given on the command line. */
  readonly flags?: Readonly<Record<string, unknown>>;
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Path of a JSON file with config keys. If undefined, the variable …CONFIG may name one. */
  readonly file?: string | undefined;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** Shown in place of a secret wherever a configuration is printed. */
export const REDACTED = '<redacted>';

/** Variables of the other commands: each command has its own prefix. */
const OF_OTHERS = /^FANWIRE_(BENCH|COMPARE)_/;

/** Kubernetes sets these in every pod beside a Service that is called `fanwire`, or `fanwire-admin`; they are not meant
 *  for the relay. One of them, FANWIRE_PORT or FANWIRE_ADMIN_PORT, is called as an option is, and holds a URL. */
const SERVICE_LINK = /^FANWIRE_(\w+_)?(SERVICE_(HOST|PORT)(_|$)|PORT_\d+_(TCP|UDP|SCTP)(_|$))/;
const SERVICE_LINK_PORT = /^(tcp|udp|sctp):\/\//;

/** The environment for a program that this command starts: without the variables meant for this command. */
export function withoutOwnVariables(env: Environment): Record<string, string | undefined> {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !OF_OTHERS.test(name)));
}

/** A value of every option of `schema`, each checked.
 *  @throws FanwireError FANWIRE_CONFIG_UNKNOWN, FANWIRE_CONFIG_FILE, FANWIRE_CONFIG_CONFLICT, or the schema's code of a
 *  value outside its range */
export function loadOptions<G extends readonly AnyGroup[]>(schema: Schema<G>, sources: Sources): Loaded<G> {
  const { flags = {}, env = {} } = sources;
  const file = sources.file ?? (env[variableOf('config', schema.prefix)] || undefined);
  const options = optionsOf(schema);
  const variables = fromEnvironment(schema, options, env);
  const fileValues = file === undefined ? new Map<string, unknown>() : fromFile(options, file);
  const config: Record<string, unknown> = {};
  const origins: Record<string, Origin> = {};
  const take = (key: string, origin: Origin, value: unknown) => {
    origins[key] = origin;
    config[key] = value;
  };
  for (const [key, option] of Object.entries(options)) {
    const read = (value: unknown, source: string) => parse(schema, option, value, source);
    if (flags[key] !== undefined) take(key, 'flag', read(flags[key], `--${option.flag}`));
    else if (variables.has(key)) {
      take(key, 'variable', read(variables.get(key), variableOf(option.flag, schema.prefix)));
    } else if (fileValues.has(key)) take(key, 'file', read(fileValues.get(key), `"${key}" in --config "${file}"`));
    else take(key, 'default', option.default);
  }
  return { config: checked(schema, config), origins: origins as Loaded<G>['origins'] };
}

/** Runs the rules between options. */
export function checked<G extends readonly AnyGroup[]>(schema: Schema<G>, config: object): ConfigOfGroups<G> {
  for (const group of schema.groups) group.check?.(config as never);
  return config as ConfigOfGroups<G>;
}

/** One value; `source` says in an error where it was given.
 *  @throws FanwireError with the schema's code, and what the option's own reader throws */
export function parse(schema: Schema, option: Option, value: unknown, source: string): unknown {
  const result = option.type.safeParse(value);
  if (result.success) return result.data;
  const shown = option.secret ? REDACTED : typeof value === 'bigint' ? `${value}n` : JSON.stringify(value);
  const problem = result.error.issues.find((issue) => issue.code === 'custom')?.message;
  const must = problem ?? `must be ${option.type.description ?? 'valid'}`;
  throw new FanwireError(schema.rangeCode, `${source} ${must}, got ${shown}`);
}

/** The entries of `content` by config key; `where` says in an error what held an unknown one. */
export function byKey(options: Record<string, Option>, content: object, where: string): Map<string, unknown> {
  for (const name of Object.keys(content)) {
    if (Object.hasOwn(options, name)) continue;
    const near = didYouMean(name, Object.keys(options));
    throw new FanwireError('FANWIRE_CONFIG_UNKNOWN', `unknown key "${name}" ${where}${near}`);
  }
  return new Map(Object.entries(content));
}

function fromEnvironment({ prefix }: Schema, options: Record<string, Option>, env: Environment): Map<string, string> {
  const byVariable = new Map(Object.entries(options).map(([key, { flag }]) => [variableOf(flag, prefix), key]));
  const ofFile = variableOf('config', prefix);
  const given = new Map<string, string>();
  for (const [name, value] of Object.entries(env)) {
    if (!name.startsWith(prefix) || name === ofFile || SERVICE_LINK.test(name)) continue;
    if (name.endsWith('_PORT') && SERVICE_LINK_PORT.test(value ?? '')) continue;
    const key = byVariable.get(name);
    if (key === undefined) {
      if (OF_OTHERS.test(name) && !OF_OTHERS.test(prefix)) continue;
      const near = didYouMean(name, [...byVariable.keys(), ofFile]);
      throw new FanwireError('FANWIRE_CONFIG_UNKNOWN', `unknown variable ${name}${near}`);
    }
    if (value === undefined || value === '') continue; // an empty variable is how compose files say "not set"
    given.set(key, value);
  }
  return given;
}

function fromFile(options: Record<string, Option>, path: string): Map<string, unknown> {
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
  const given = byKey(options, content, where);
  for (const [name, value] of given) {
    if (JSON.stringify(value)?.includes(REDACTED)) {
      throw new FanwireError('FANWIRE_CONFIG_FILE', `"${name}" ${where} is redacted; put its value in`);
    }
  }
  return given;
}
