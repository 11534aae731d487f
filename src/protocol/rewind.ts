// How much of a topic's past a subscriber wants to begin with: `10`, `"30s"`, `"last"` or `"all"`, the same in a `sub`,
// in a query and on a command line.

/** The last so many messages, those of the last so many ms, the newest (of each key, where keys are told apart), or
 *  all that is kept. */
export type Rewind = number | { readonly withinMs: number } | 'last' | 'all';

/** Most messages that a rewind may ask for by number. */
export const MAX_REWIND = 1_000_000;

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
/** History is kept for no longer. */
const MAX_WITHIN_MS = 7 * 86_400_000;

/** What a rewind may be, for whoever wrote another one. */
export const REWIND_RANGE = `a whole number from 0 to ${MAX_REWIND}, a time such as "30s" (1ms to 7d), "last" or "all"`;

/** Reads a rewind; undefined where it is none. */
export function readRewind(value: unknown): Rewind | undefined {
  if (value === 'last' || value === 'all') return value;
  if (typeof value === 'number') return isCount(value) ? value : undefined;
  const match = typeof value === 'string' ? /^(\d{1,12})([a-z]{0,2})$/.exec(value) : null;
  if (match === null) return undefined;
  const [, digits, unit = ''] = match;
  if (unit === '') return isCount(Number(digits)) ? Number(digits) : undefined;
  const withinMs = Number(digits) * (UNIT_MS[unit] ?? 0);
  return withinMs >= 1 && withinMs <= MAX_WITHIN_MS ? { withinMs } : undefined;
}

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0 && value <= MAX_REWIND;
}
