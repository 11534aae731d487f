// Amounts as people write them: 30s, 2m, 500ms; 1k, 1.5k; 64k bytes. The same forms as the flags of `fanwire bench`.

const DURATION = /^(\d+(?:\.\d+)?|\.\d+)(us|ms|s|m|h)?$/i;
const S_PER_UNIT: { readonly [unit: string]: number } = { us: 1e-6, ms: 0.001, s: 1, m: 60, h: 3600 };
const AMOUNT = /^(\d+(?:\.\d+)?|\.\d+)([km])?(?:\/s)?$/i;
const SIZE = /^(\d+(?:\.\d+)?|\.\d+)(b|k|kb|kib|m|mb|mib)?$/i;

/** Seconds: `30`, `30s`, `2m`, `500ms`, `1h`, `1m30s`; NaN for anything else. */
export function seconds(text: string): number {
  const parts = text.trim().match(/[\d.]+[a-z]*/gi) ?? [];
  if (parts.length === 0 || parts.join('') !== text.trim()) return Number.NaN;
  let total = 0;
  for (const part of parts) {
    const [, digits, unit] = DURATION.exec(part) ?? [];
    if (digits === undefined || (unit === undefined && parts.length > 1)) return Number.NaN;
    total += Number(digits) * (S_PER_UNIT[(unit ?? 's').toLowerCase()] as number);
  }
  return Number(total.toPrecision(12));
}

/** A count or a rate: `1500`, `1.5k`, `2m` (million), `100/s`; NaN for anything else. */
export function amount(text: string): number {
  const [, digits, unit] = AMOUNT.exec(text.trim()) ?? [];
  if (digits === undefined) return Number.NaN;
  const scale = unit === undefined ? 1 : unit.toLowerCase() === 'k' ? 1000 : 1_000_000;
  return Number((Number(digits) * scale).toPrecision(12));
}

/** Bytes: `128`, `1k`, `64KiB`, `1m`, by 1024; NaN for anything else. */
export function bytes(text: string): number {
  const [, digits, unit] = SIZE.exec(text.trim()) ?? [];
  if (digits === undefined) return Number.NaN;
  const letter = (unit ?? '').charAt(0).toLowerCase();
  return Math.round(Number(digits) * (letter === 'k' ? 1024 : letter === 'm' ? 1024 * 1024 : 1));
}
