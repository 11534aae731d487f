// What the k6 scripts share with the rest and cannot import: they run where their folder alone is. Each is a copy of
// the one in src/base, which imports nothing.
import { readFileSync } from 'node:fs';

/** By name in src/base and in bench/k6/lib. */
export const COPIED = ['amounts.ts', 'nearest.ts'];

const ROOT = new URL('../../', import.meta.url);

/** Where the copy of `name` is. */
export function copyOf(name: string): URL {
  return new URL(`bench/k6/lib/${name}`, ROOT);
}

/** What it holds. */
export function copiedText(name: string): string {
  const source = readFileSync(new URL(`src/base/${name}`, ROOT), 'utf8');
  return `// Copied from src/base/${name} by \`npm run docs\`: change that one.\n\n${source}`;
}
