// How a figure is written: three telling digits, grouped thousands, the unit always beside it. '–' is "not measured".

const NOT_MEASURED = '–';
const grouped = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });

/** Below this a figure of ours is nothing: 0.1 µs, 0.1 ‰. */
const SMALLEST = 0.0001;

/** 0.0456 → "0.046", 0.456 → "0.46", 1.234 → "1.23", 12.34 → "12.3", 1234 → "1,234". */
export function formatNumber(value: number): string {
  const size = Math.abs(value);
  if (size >= 99.95) return grouped.format(value);
  if (size >= 9.995) return value.toFixed(1);
  if (size >= 0.0995) return value.toFixed(2);
  return size < SMALLEST ? '0' : value.toPrecision(2);
}

export function formatCount(value: number): string {
  return grouped.format(value);
}

/** 1 → "1 pair", 1234 → "1,234 pairs". `nouns`: the plural, where it takes more than an "s". */
export function countOf(value: number, noun: string, nouns = `${noun}s`): string {
  return `${formatCount(value)} ${value === 1 ? noun : nouns}`;
}

export function formatMs(value: number | null): string {
  return value === null ? NOT_MEASURED : `${formatNumber(value)} ms`;
}

/** Per second: 1,250,000 → "1.25 M/s". */
export function formatRate(perSecond: number | null): string {
  return perSecond === null ? NOT_MEASURED : `${scaled(perSecond, ['', ' k', ' M', ' G'])}/s`;
}

/** Decimal units, as memory is sold and as `ps` and Prometheus users divide it: 1 kB = 1000 B. */
export function formatBytes(bytes: number | null): string {
  return bytes === null ? NOT_MEASURED : `${scaled(bytes, [' ', ' k', ' M', ' G', ' T'])}B`;
}

export function formatSeconds(seconds: number | null): string {
  return seconds === null ? NOT_MEASURED : `${formatNumber(seconds)} s`;
}

export function formatCores(cores: number | null): string {
  return cores === null ? NOT_MEASURED : `${formatNumber(cores)} cores`;
}

/** A share of one: 0.421 → "42 %". */
export function formatShare(share: number | null): string {
  return share === null ? NOT_MEASURED : `${Math.round(share * 100)} %`;
}

/** How many times `value` is of `base`: "×1.83"; '' where that says nothing. */
export function formatRatio(value: number | null, base: number | null): string {
  if (value === null || base === null || base <= 0) return '';
  return `×${formatNumber(value / base)}`;
}

function scaled(value: number, prefixes: string[]): string {
  let rest = value;
  let i = 0;
  while (Math.abs(rest) >= 999.5 && i < prefixes.length - 1) {
    rest /= 1000;
    i++;
  }
  return `${i === 0 && Number.isInteger(rest) ? rest : formatNumber(rest)}${prefixes[i]}`;
}
