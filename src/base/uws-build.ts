// Which build of uWebSockets.js runs, told without loading it: the package carries one binary for each platform and
// Node.js version, and they are not all of the same age.

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

/**
 * Package, version, binary and the first twelve digits of its SHA-256:
 * `uwebsockets 3.0.6, uws_linux_x64_115.node (f4fa5d7b6975)`.
 * @param from a module of the program that loads it; of this one unless given
 */
export function uwsBuild(from: string = import.meta.url): string {
  let manifest: string;
  try {
    manifest = createRequire(from).resolve('uWebSockets.js/package.json');
  } catch {
    return 'not installed';
  }
  const { name, version } = JSON.parse(readFileSync(manifest, 'utf8')) as { name: string; version: string };
  const binary = `uws_${process.platform}_${process.arch}_${process.versions.modules}.node`;
  return `${name} ${version}, ${binary} (${digest(join(dirname(manifest), binary))})`;
}

function digest(path: string): string {
  try {
    return createHash('sha256').update(readFileSync(path)).digest('hex').slice(0, 12);
  } catch {
    return 'missing';
  }
}
