// The declaration of an option. Flags, variables, file keys, --help, the pages of docs/ and --print-config are all made
// from it, for `serve`, `bench` and `compare` alike.
import type { z } from 'zod';
import { FanwireError } from '../base/error.js';
import type { ErrorCode } from '../base/error-codes.js';

export interface Option<S extends z.ZodType = z.ZodType> {
  /** The flag without its dashes, in kebab-case; the variable is the schema's prefix and the same in UPPER_SNAKE. */
  readonly flag: string;
  /** One letter that stands for the flag. */
  readonly letter?: string;
  /** What it does, one sentence without a full stop. Of a toggle that is on: what switching it off does. */
  readonly description: string;
  readonly type: S;
  readonly default: z.output<S>;
  /** The placeholder in --help, such as `port`; left out for a toggle. */
  readonly argument?: string;
  readonly unit?: 'bytes' | 'seconds' | 'ms' | 'minutes' | 'connections' | 'per second' | string;
  /** What 0 means, if it has a special meaning. */
  readonly zero?: string;
  /** The default in words, if it is not a fixed value. */
  readonly usually?: string;
  /** If the flag is given more than once, its values are collected. */
  readonly repeats?: boolean;
  /** If the flag is given more than once, its values are joined by this: they are parts of one text. */
  readonly joinedBy?: string;
  /** Never printed, neither in the log nor by --print-config. */
  readonly secret?: boolean;
}

/** Options that belong together: one heading of --help, one table in docs/. */
export interface OptionGroup<O extends Record<string, Option> = Record<string, Option>> {
  readonly title: string;
  /** By config key: camelCase, with its unit where the type cannot say it. */
  readonly options: O;
  /** Rules between options of this group; throws FanwireError (FANWIRE_CONFIG_CONFLICT, FANWIRE_CONFIG_FILE). */
  readonly check?: (config: ConfigOf<O>) => void;
}

/** The options of one command. */
export interface Schema<G extends readonly AnyGroup[] = readonly AnyGroup[]> {
  /** What its variables begin with: FANWIRE_ or FANWIRE_BENCH_. */
  readonly prefix: string;
  /** In the order of --help. */
  readonly groups: G;
  /** The code of a value outside its range. */
  readonly rangeCode: ErrorCode;
}

/** A group whose options are not looked at one by one. */
export interface AnyGroup {
  readonly title: string;
  readonly options: Readonly<Record<string, Option>>;
  readonly check?: (config: never) => void;
}

export type ConfigOf<O extends Record<string, Option>> = { -readonly [K in keyof O]: z.output<O[K]['type']> };

type OptionsIn<G> = G extends { readonly options: infer O } ? O : never;
type Intersection<U> = (U extends unknown ? (u: U) => void : never) extends (i: infer I) => void ? I : never;
type AllOptions<G extends readonly AnyGroup[]> = Intersection<OptionsIn<G[number]>>;

/** A value of every option of the groups, by config key. */
export type ConfigOfGroups<G extends readonly AnyGroup[]> = {
  -readonly [K in keyof AllOptions<G>]: AllOptions<G>[K] extends Option<infer S> ? z.output<S> : never;
};

/** Declares an option; a function only so that the default is checked against the type. */
export function option<S extends z.ZodType>(spec: Option<S>): Option<S> {
  return spec;
}

/** Declares a group of options. */
export function group<O extends Record<string, Option>>(
  title: string,
  options: O,
  check?: (config: ConfigOf<O>) => void,
): OptionGroup<O> {
  return check ? { title, options, check } : { title, options };
}

/** Every option of a schema, by config key. */
export function optionsOf({ groups }: Schema): Record<string, Option> {
  return Object.assign({}, ...groups.map(({ options }) => options));
}

/** Options that contradict each other: what a group's check throws. */
export function conflict(message: string): FanwireError {
  return new FanwireError('FANWIRE_CONFIG_CONFLICT', message);
}

/** `max-payload` → `FANWIRE_MAX_PAYLOAD`. */
export function variableOf(flag: string, prefix = 'FANWIRE_'): string {
  return `${prefix}${flag.replaceAll('-', '_').toUpperCase()}`;
}

/** 65536 → `64k`. */
function shortBytes(value: number): string {
  if (value !== 0 && value % (1 << 20) === 0) return `${value / (1 << 20)}m`;
  if (value !== 0 && value % 1024 === 0) return `${value / 1024}k`;
  return String(value);
}

/** The default as a person would type it; '' where nothing is the default. */
export function shownDefault({ unit, default: initial }: Option): string {
  if (initial === undefined || (typeof initial === 'object' && !Array.isArray(initial))) return '';
  return unit === 'bytes' ? shortBytes(initial as number) : String(initial);
}

/** The flag as documentation shows it: a toggle that is on by default is shown as the flag that switches it off. */
export function shownFlag({ flag, default: initial }: Option): string {
  return initial === true ? `--no-${flag}` : `--${flag}`;
}
