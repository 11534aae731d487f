// The kinds of value an option takes. Each reads a flag's or variable's text as well as a file's JSON, and describes
// itself ("an integer from 1 to 64"), so that help and errors say the same.
import { z } from 'zod';

const BYTE_SUFFIX: Record<string, number> = {
  '': 1,
  b: 1,
  k: 1024,
  kb: 1024,
  kib: 1024,
  m: 1 << 20,
  mb: 1 << 20,
  mib: 1 << 20,
};

function numberOf(value: unknown): unknown {
  return typeof value === 'string' && /^-?\d+$/.test(value.trim()) ? Number(value) : value;
}

function bytesOf(value: unknown): unknown {
  if (typeof value !== 'string') return value;
  const match = /^(\d+(?:\.\d+)?)\s*([a-z]*)$/i.exec(value.trim());
  const scale = match && BYTE_SUFFIX[(match[2] ?? '').toLowerCase()];
  return match && scale ? Math.round(Number(match[1]) * scale) : value;
}

const TRUE = new Set(['true', '1', 'yes', 'on']);
const FALSE = new Set(['false', '0', 'no', 'off']);

function booleanOf(value: unknown): unknown {
  if (typeof value !== 'string') return value;
  const word = value.trim().toLowerCase();
  return TRUE.has(word) ? true : FALSE.has(word) ? false : value;
}

function listOf(value: unknown): unknown {
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

/** Zero (which switches the thing off), or a whole number from `min` to `max`. */
export function zeroOr(min: number, max: number) {
  const inner = z.union([z.literal(0), z.int().min(min).max(max)]);
  return z.preprocess(numberOf, inner).describe(`0, or an integer from ${min} to ${max}`);
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
    .preprocess(bytesOf, z.int().min(min).max(max))
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

/** An address to listen on; an IPv6 one may stand in brackets, as it does in a URL. */
export function address() {
  return z
    .preprocess((value) => (typeof value === 'string' ? value.replace(/^\[(.*)\]$/, '$1') : value), z.string())
    .describe('an address');
}

/** On or off: a flag without an argument (`--x`, `--no-x`); true/false, 1/0, yes/no, on/off as a variable. */
export function toggle() {
  return z.preprocess(booleanOf, z.boolean()).describe('true or false');
}

/** Texts, comma-separated as a flag or variable, an array in a file. */
export function list(describedAs = 'a comma-separated list') {
  return z.preprocess(listOf, z.array(z.string())).describe(describedAs);
}
