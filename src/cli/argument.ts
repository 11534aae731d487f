// The arguments of flags that more than one command takes, read and refused as the relay's options are.
import { validateHeaderName, validateHeaderValue } from 'node:http';
import type { z } from 'zod';
import { FanwireError } from '../base/error.js';

/** A commander argument parser for `flag`; throws FanwireError FANWIRE_USAGE_RANGE. */
export function argument<T>(flag: string, type: z.ZodType<T>): (value: string) => T {
  return (value) => {
    const result = type.safeParse(value);
    if (result.success) return result.data;
    throw new FanwireError('FANWIRE_USAGE_RANGE', `${flag} must be ${type.description}, got ${JSON.stringify(value)}`);
  };
}

/** Gathers `--header 'Name: value'`, which is repeatable; throws FanwireError FANWIRE_USAGE_HEADER. */
export function header(line: string, earlier: Readonly<Record<string, string>> = {}): Record<string, string> {
  const colon = line.indexOf(':');
  const name = line.slice(0, Math.max(0, colon)).trim();
  const value = line.slice(colon + 1).trim();
  try {
    validateHeaderName(name);
    validateHeaderValue(name, value);
  } catch {
    // Its value is a secret, mostly.
    const got = JSON.stringify(line.replace(/[\s:].*$/s, ': ***'));
    throw new FanwireError('FANWIRE_USAGE_HEADER', `--header must be "Name: value" as HTTP allows it, got ${got}`);
  }
  return { ...earlier, [name]: value };
}

/** Flags for another command, given as one argument and quoted as in a shell: `--deliver 'a/*=50ms;b=1s'`. */
export function flagsOf(text = ''): string[] {
  const words = text.match(/(?:[^\s"'\\]|\\.|"(?:[^"\\]|\\.)*"|'[^']*'|["'\\])+/gs) ?? [];
  const part = /\\(.)|"((?:[^"\\]|\\.)*)"|'([^']*)'/gs;
  return words.map((word) =>
    word.replace(
      part,
      (_, escaped?: string, double?: string, single?: string) =>
        escaped ?? double?.replace(/\\(["\\$`])/g, '$1') ?? single ?? '',
    ),
  );
}
