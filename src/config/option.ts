// What one option is. Flags, FANWIRE_ variables, file keys, --help and --print-config are all made from this
// declaration.
import type { z } from 'zod';
import { FanwireError } from '../base/error.js';

export interface Option<S extends z.ZodType = z.ZodType> {
  /** The flag without its dashes, in kebab-case; the variable is FANWIRE_ and the same in UPPER_SNAKE. */
  readonly flag: string;
  /** What it does, one sentence without a full stop. */
  readonly description: string;
  readonly type: S;
  readonly default: z.output<S>;
  /** The placeholder in --help, such as `port`; left out for a toggle. */
  readonly argument?: string;
  readonly unit?: 'bytes' | 'seconds' | 'ms' | 'minutes' | 'connections' | 'per second' | string;
  /** What 0 means, where it means something other than nought. */
  readonly zero?: string;
  /** Never printed, neither in the log nor by --print-config. */
  readonly secret?: boolean;
}

/** Options that belong together: one heading of --help, one file in options/. */
export interface OptionGroup<O extends Record<string, Option> = Record<string, Option>> {
  readonly title: string;
  /** By config key: camelCase, with its unit where the type cannot say it. */
  readonly options: O;
  /** Rules between options of this group; throws FanwireError (FANWIRE_CONFIG_CONFLICT, FANWIRE_CONFIG_FILE). */
  readonly check?: (config: ConfigOf<O>) => void;
}

export type ConfigOf<O extends Record<string, Option>> = { -readonly [K in keyof O]: z.output<O[K]['type']> };

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

/** Options that contradict each other: what a group's check throws. */
export function conflict(message: string): FanwireError {
  return new FanwireError('FANWIRE_CONFIG_CONFLICT', message);
}

/** `max-payload` → `FANWIRE_MAX_PAYLOAD`. */
export function variableOf(flag: string): string {
  return `FANWIRE_${flag.replaceAll('-', '_').toUpperCase()}`;
}

/** 65536 → `64k`. */
function shortBytes(value: number): string {
  if (value !== 0 && value % (1 << 20) === 0) return `${value / (1 << 20)}m`;
  if (value !== 0 && value % 1024 === 0) return `${value / 1024}k`;
  return String(value);
}

/** The default as a person would type it; '' where nothing is the default. */
export function shownDefault({ unit, default: initial }: Option): string {
  return unit === 'bytes' ? shortBytes(initial as number) : String(initial);
}
