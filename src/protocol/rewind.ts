// How much of a topic's past a subscriber wants to begin with: `10`, `"30s"`, `"last"` or `"all"`, the same in a `sub`,
// in a query and on a command line.

import { milliseconds } from '../base/amounts.js';

/** The last so many messages, those of the last so many ms, the newest (of each key, where keys are told apart), or
 *  all that is kept. */
export type Rewind = number | { readonly withinMs: number } | 'last' | 'all';

/** Most messages that a rewind may ask for by number. */
export const MAX_REWIND = 1_000_000;

/** A count or a time on the wire: fewer forms than in an option, since every client in every language has to support
 *  them. */
const COUNT_OR_TIME = /^\d{1,12}(ms|s|m|h|d)?$/;
/** The longest time that a message is kept, whatever an option or a subscriber asks for. */
export const MAX_KEPT_MS = 7 * 86_400_000;

/** The values that a rewind may have, for error messages. */
export const REWIND_RANGE = `a whole number from 0 to ${MAX_REWIND}, a time such as "30s" (1ms to 7d), "last" or "all"`;

/** Reads a rewind; undefined where it is none. */
export function readRewind(value: unknown): Rewind | undefined {
  if (value === 'last' || value === 'all') return value;
  if (typeof value === 'number') return isCount(value) ? value : undefined;
  const [text, unit] = (typeof value === 'string' && COUNT_OR_TIME.exec(value)) || [];
  if (text === undefined) return undefined;
  if (unit === undefined) return isCount(Number(text)) ? Number(text) : undefined;
  const withinMs = milliseconds(text);
  return withinMs >= 1 && withinMs <= MAX_KEPT_MS ? { withinMs } : undefined;
}

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0 && value <= MAX_REWIND;
}
