// Reads settings from `-e NAME=value`. Each is checked once; a wrong one stops the run with one line before any
// socket opens.

import { amount, bytes, milliseconds as millisecondsOf, seconds, share } from './amounts.ts';
import type { OwnSetting } from './names.ts';
import { type K6Key, k6Keys, k6Setting, type Parameter, parameter, settingOf, type ValueOf } from './parameters.ts';

/** The text of a setting, without surrounding spaces; '' if it is not set. */
export function rawOf(name: string): string {
  return (__ENV[name] ?? '').trim();
}

/** '' if it is not set. */
export function textOf(name: OwnSetting): string {
  return rawOf(name);
}

/** The number that `read` finds in a setting; `fallback` if it is not set. */
function numberOf(name: string, fallback: number, least: number, read: (text: string) => number, form: string): number {
  const text = rawOf(name);
  if (text === '') return fallback;
  const value = read(text);
  if (value >= least) return value;
  throw new Error(`${name} must be ${form}, ${least} or more, got ${text}`);
}

const AN_AMOUNT = 'a number such as 50, 1k or 1.5k';
const A_TIME = 'seconds, or a duration such as 30s, 2m or 500ms';

export function wholeOf(name: OwnSetting, fallback: number, least: number): number {
  return whole(name, numberOf(name, fallback, least, amount, AN_AMOUNT));
}

function whole(name: string, value: number): number {
  if (Number.isInteger(value)) return value;
  throw new Error(`${name} must be a whole number, got ${rawOf(name)}`);
}

export function secondsOf(name: OwnSetting, fallback: number, least: number): number {
  return numberOf(name, fallback, least, seconds, A_TIME);
}

/** A number without a unit is in milliseconds. */
export function millisecondsOfSetting(name: OwnSetting, fallback: number): number {
  return numberOf(name, fallback, 1, millisecondsOf, 'milliseconds, or a duration such as 50ms or 1s');
}

export function isOn(name: OwnSetting): boolean {
  return toggle(name);
}

function toggle(name: string): boolean {
  const word = rawOf(name).toLowerCase();
  if (['1', 'true', 'yes', 'on'].includes(word)) return true;
  if (['', '0', 'false', 'no', 'off'].includes(word)) return false;
  throw new Error(`${name} must be 1 or 0, got ${rawOf(name)}`);
}

/** The limit of a default threshold. */
export interface Bound {
  readonly value: number;
  readonly isShare: boolean;
}

/** A count, or a share in %; `off` means no limit. */
export function boundOf(name: OwnSetting, fallback: Bound): Bound {
  const text = rawOf(name);
  if (text === '') return fallback;
  if (text === 'off') return { value: Infinity, isShare: false };
  const [, digits, percent] = /^(.+?)\s*(%)?$/.exec(text) ?? [];
  const value = amount(digits ?? '');
  if (value >= 0) return { value, isShare: percent !== undefined };
  throw new Error(`${name} must be a count, a share such as 0.1%, or off, got ${text}`);
}

/** The parameters of the scenario that k6 can play. */
export type K6Parameters = { readonly [K in K6Key]: ValueOf<K> };

/** Each parameter from its setting; else the script's default; else the declared default. */
export function readParameters(script: Partial<K6Parameters>): K6Parameters {
  const read: { [key: string]: unknown } = {};
  for (const key of k6Keys) read[key] = readParameter(key, script[key]);
  return read as K6Parameters;
}

const READERS: { readonly [kind: string]: readonly [read: (text: string) => number, form: string] } = {
  count: [amount, AN_AMOUNT],
  amount: [amount, AN_AMOUNT],
  seconds: [seconds, A_TIME],
  bytes: [bytes, 'bytes, or a size such as 1k'],
  share: [share, 'a share such as 20%'],
};

function readParameter(key: K6Key, ofScript: number | string | boolean | undefined): number | string | boolean {
  const name = settingOf(key);
  const declared: Parameter = parameter(key);
  const own = k6Setting(key);
  if (declared.kind === 'toggle') return toggle(name);
  const fallback = ofScript ?? own?.default ?? declared.default;
  const reader = READERS[declared.kind];
  if (reader === undefined) return rawOf(name) === '' ? fallback : rawOf(name);
  const value = numberOf(name, fallback as number, own?.min ?? declared.min ?? 0, ...reader);
  return declared.kind === 'count' ? whole(name, value) : value;
}
