// The kinds of value an option takes. Each reads a flag's or variable's text as well as a file's JSON, and describes
// itself ("an integer from 1 to 64"), so that help and errors say the same.
import { z } from 'zod';
import { amount, bytes as bytesOfText, milliseconds, seconds, share } from '../base/amounts.js';

function numberOf(value: unknown): unknown {
  return typeof value === 'string' && /^-?\d+$/.test(value.trim()) ? Number(value) : value;
}

/** Text as the number that `read` makes of it. What it cannot read is left as it is, so that the check refuses it. */
function readBy(read: (text: string) => number): (value: unknown) => unknown {
  return (value) => {
    const number = typeof value === 'string' ? read(value) : Number.NaN;
    return Number.isNaN(number) ? value : number;
  };
}

const TRUE = new Set(['true', '1', 'yes', 'on']);
const FALSE = new Set(['false', '0', 'no', 'off']);

function booleanOf(value: unknown): unknown {
  if (typeof value !== 'string') return value;
  const word = value.trim().toLowerCase();
  return TRUE.has(word) ? true : FALSE.has(word) ? false : value;
}

function partsOf(value: unknown): unknown {
  if (typeof value !== 'string') return value;
  return value
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');
}

/** A whole number from `min` to `max`. */
export function integer(min: number, max: number) {
  return z.preprocess(numberOf, z.int().min(min).max(max)).describe(`an integer from ${min} to ${max}`);
}

/** A whole number from `min` to `max`, large ones as people write them: 10k, 1.5k, 2m. */
export function count(min: number, max: number, unit = '') {
  return z
    .preprocess(readBy(amount), z.int().min(min).max(max))
    .describe(`an integer from ${min} to ${max}${unit === '' ? '' : ` ${unit}`} (10k and 1m are understood)`);
}

const OF_UNIT = {
  ms: { read: (text: string) => milliseconds(text), forms: 'ms; 500ms and 30s' },
  seconds: { read: (text: string) => seconds(text), forms: 'seconds; 30s and 2m' },
  minutes: { read: (text: string) => seconds(text, 'm') / 60, forms: 'minutes; 90m and 2h' },
} as const;

/** A time in whole `unit`s from `min` to `max`; text may have a unit of its own. */
export function duration(unit: keyof typeof OF_UNIT, min: number, max: number) {
  const { read, forms } = OF_UNIT[unit];
  return z
    .preprocess(readBy(read), z.int().min(min).max(max))
    .describe(`an integer from ${min} to ${max} (${forms} are understood)`);
}

/** Zero (which switches the thing off), or a time as above. */
export function zeroOrDuration(unit: keyof typeof OF_UNIT, min: number, max: number) {
  const { read, forms } = OF_UNIT[unit];
  const inner = z.union([z.literal(0), z.int().min(min).max(max)]);
  return z.preprocess(readBy(read), inner).describe(`0, or an integer from ${min} to ${max} (${forms} are understood)`);
}

/** A number from `min` to `max`. */
export function decimal(min: number, max: number) {
  const read = (value: unknown) => (/^\d+(\.\d+)?$/.test(String(value)) ? Number(value) : value);
  return z.preprocess(read, z.number().min(min).max(max)).describe(`a number from ${min} to ${max}`);
}

/** A whole number from `min` to `max`, or `auto`, which is what `auto()` says on this machine. */
export function integerOrAuto(min: number, max: number, auto: () => number) {
  return z
    .preprocess((value) => (value === 'auto' ? auto() : numberOf(value)), z.int().min(min).max(max))
    .describe(`auto, or an integer from ${min} to ${max}`);
}

/** A size in bytes; text may end in k or m (1024-based): 64k, 1m. */
export function bytes(min: number, max: number) {
  return z
    .preprocess(readBy(bytesOfText), z.int().min(min).max(max))
    .describe(`${min} to ${max} bytes (64k and 1m are understood)`);
}

/** One of a fixed set of words. */
export function choice<const W extends readonly [string, ...string[]]>(...words: W) {
  return z.enum(words).describe(`one of ${words.join(', ')}`);
}

/** Any text; empty means unset. */
export function text(describedAs = 'text') {
  return z.string().describe(describedAs);
}

/** An address to listen on; an IPv6 one may stand in brackets, as it does in a URL. Not an empty one, which is every
 *  interface to uWS: it comes of a variable of the shell that is not set. */
export function address() {
  return z
    .preprocess((value) => (typeof value === 'string' ? value.replace(/^\[(.*)\]$/, '$1') : value), z.string().min(1))
    .describe('an address');
}

/** On or off: a flag without an argument (`--x`, `--no-x`); true/false, 1/0, yes/no, on/off as a variable. */
export function toggle() {
  return z.preprocess(booleanOf, z.boolean()).describe('true or false');
}

/** Texts, comma-separated as a flag or variable, an array in a file. */
export function list(describedAs = 'a comma-separated list') {
  return z.preprocess(partsOf, z.array(z.string())).describe(describedAs);
}

/** Any number from `min` to `max`, large ones as people write them: 1k, 1.5k. */
export function amountFrom(min: number, max: number, unit = '') {
  return z
    .preprocess(readBy(amount), z.number().min(min).max(max))
    .describe(`a number from ${min} to ${max}${unit === '' ? '' : ` ${unit}`} (1k and 1.5k are understood)`);
}

/** Like `duration`, but parts of a unit are allowed too. */
export function timeFrom(unit: keyof typeof OF_UNIT, min: number, max: number) {
  const { read, forms } = OF_UNIT[unit];
  return z
    .preprocess(readBy(read), z.number().min(min).max(max))
    .describe(`a number from ${min} to ${max} (${forms} are understood)`);
}

/** A part of a whole: 0.2, 20%, 1e-3. */
export function shareFrom(min: number, max: number) {
  const read = (text: string) => (/^[\d.]+e-\d+$/i.test(text.trim()) ? Number(text) : share(text));
  return z
    .preprocess(readBy(read), z.number().min(min).max(max))
    .describe(`a number from ${min} to ${max} (20% is understood)`);
}

/** `type`, or nothing. */
export function optional<S extends z.ZodType>(type: S) {
  return type.optional().describe(type.description ?? '');
}

/** Several of `type`: comma-separated as a variable, an array in a file. */
export function listOf<S extends z.ZodType>(type: S, describedAs: string) {
  return z.preprocess(partsOf, z.array(type)).describe(describedAs);
}
