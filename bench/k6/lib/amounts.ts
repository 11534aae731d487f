// Copied from src/base/amounts.ts by `npm run docs`: change that one.

// Amounts as people write them: 30s, 2m, 500ms; 1k, 1.5k; 64k bytes; 20%. One reader for flags, variables, files and
// the settings of the k6 scripts. Each gives NaN for text that is no such amount.

const TIME = /^(\d+(?:\.\d+)?|\.\d+)(us|ms|s|m|h|d)?$/i;
const S_PER_UNIT: { readonly [unit: string]: number } = { us: 1e-6, ms: 0.001, s: 1, m: 60, h: 3600, d: 86_400 };
const AMOUNT = /^(\d+(?:\.\d+)?|\.\d+)([km])?(?:\/s)?$/i;
const SIZE = /^(\d+(?:\.\d+)?|\.\d+)\s*(b|k|kb|kib|m|mb|mib|g|gb|gib)?$/i;
const BYTES_PER_LETTER: { readonly [letter: string]: number } = { k: 1024, m: 1024 ** 2, g: 1024 ** 3 };

/** The unit of a time that names none. */
export type TimeUnit = 'ms' | 's' | 'm';

/** Seconds: `30`, `30s`, `2m`, `500ms`, `1h`, `1m30s`, `7d`. */
export function seconds(text: string, bare: TimeUnit = 's'): number {
  const parts = text.trim().match(/[\d.]+[a-z]*/gi) ?? [];
  if (parts.length === 0 || parts.join('') !== text.trim()) return Number.NaN;
  let total = 0;
  for (const part of parts) {
    const [, digits, unit] = TIME.exec(part) ?? [];
    if (digits === undefined || (unit === undefined && parts.length > 1)) return Number.NaN;
    total += Number(digits) * (S_PER_UNIT[(unit ?? bare).toLowerCase()] as number);
  }
  return exact(total);
}

/** As `seconds`, in milliseconds. */
export function milliseconds(text: string, bare: TimeUnit = 'ms'): number {
  return exact(seconds(text, bare) * 1000);
}

/** A count or a rate: `1500`, `1.5k`, `2m` (million), `100/s`. */
export function amount(text: string): number {
  const [, digits, unit] = AMOUNT.exec(text.trim()) ?? [];
  if (digits === undefined) return Number.NaN;
  const scale = unit === undefined ? 1 : unit.toLowerCase() === 'k' ? 1000 : 1_000_000;
  return exact(Number(digits) * scale);
}

/** Bytes: `128`, `1k`, `64KiB`, `1m`, `2g`, by 1024. */
export function bytes(text: string): number {
  const [, digits, unit = ''] = SIZE.exec(text.trim()) ?? [];
  if (digits === undefined) return Number.NaN;
  return Math.round(Number(digits) * (BYTES_PER_LETTER[unit.charAt(0).toLowerCase()] ?? 1));
}

/** A part of a whole: `20%`, `0.2`. */
export function share(text: string): number {
  const [, digits = '', percent] = /^(.+?)\s*(%)?$/.exec(text.trim()) ?? [];
  return exact(amount(digits) / (percent === undefined ? 1 : 100));
}

/** Without the last bits of floating point: 1.1k is 1100. */
function exact(value: number): number {
  return Number(value.toPrecision(12));
}
