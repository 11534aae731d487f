// Built copies of this project for `npm run calibrate`: as it is, dearer, or laid out otherwise in memory.

import { cpSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { mulberry32 } from '../bench/compare/interval.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const FANOUT = 'dist/src/relay/fanout/fanout.js';

/** A copy called `name` in `folder`; the one that is there already, if it is. */
export function plainCopy(folder: string, name: string): string {
  const copy = join(folder, name);
  if (existsSync(join(copy, 'package.json'))) return copy;
  mkdirSync(copy, { recursive: true });
  cpSync(join(ROOT, 'dist'), join(copy, 'dist'), { recursive: true });
  // Styles are read from the sources.
  for (const part of ['node_modules', 'src', 'bench']) symlinkSync(join(ROOT, part), join(copy, part));
  cpSync(join(ROOT, 'package.json'), join(copy, 'package.json'));
  return copy;
}

/** A copy whose fan-out spins for `spinNsPerDelivery` after each message and receiver. */
export function dearerCopy(folder: string, spinNsPerDelivery: number): string {
  const copy = plainCopy(folder, `spin-${Math.round(spinNsPerDelivery * 10)}`);
  const counted = 'this.counters.deliveredBytes += receivers * size;';
  const spin = `{ const end = performance.now() + receivers * ${spinNsPerDelivery} / 1e6; while (performance.now() < end); }`;
  patch(copy, (source) => {
    if (source.includes('const end = performance.now() + receivers')) return source;
    if (!source.includes(counted)) throw new Error(`fanout.js no longer has "${counted}": patch this script`);
    return source.replace(counted, `${counted}\n        ${spin}`);
  });
  return copy;
}

/** A command that serves the same source under another layout: functions that nobody calls before it, another length of
 *  its path and of its environment, and another seed of V8's hashes and heap. */
export function otherLayout(folder: string, seed: number): string {
  const random = mulberry32(seed);
  const upTo = (most: number): number => 1 + Math.floor(random() * most);
  const copy = plainCopy(folder, `layout-${seed}-${'x'.repeat(upTo(120))}`);
  const padding = Array.from(
    { length: upTo(60) },
    (_, i) => `export function padding${i}(a, b) { return a * ${i} + b * ${upTo(1e6)}; }`,
  );
  patch(copy, (source) => `${source}\n${padding.join('\n')}\n`);
  return `env PADDING=${'x'.repeat(upTo(4000))} ${serveCommand(copy, `--random-seed=${upTo(1e6)}`)}`;
}

export function serveCommand(copy: string, nodeFlags = ''): string {
  const cli = join(copy, 'dist/src/cli.js');
  return `node ${nodeFlags} ${cli} serve --port {port} --admin-port 0 --drain-ms 0 --log-level error`.replace(
    '  ',
    ' ',
  );
}

function patch(copy: string, change: (source: string) => string): void {
  const file = join(copy, FANOUT);
  writeFileSync(file, change(readFileSync(file, 'utf8')));
}
