// The Bun that is installed here, if any: it is a peer and a runtime of the client, and no dependency of either.

import { readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { findProgram, isExecutable } from '../system/find-program.js';
import { toolVersion } from './toolchain.js';

/** The package that carries Bun's binary for this machine, without an install script. The package `bun` needs its
 *  script to have run, which npm 12 no longer allows by itself; where it has not, its program waits for ever. */
const PACKAGE = `bun-${process.platform}-${process.arch === 'arm64' ? 'aarch64' : process.arch}`;

export const BUN_INSTALL = `npm install --no-save @oven/${PACKAGE}`;

/** Bun from BUN_BIN, from npm or from PATH; undefined where there is none that runs. */
export function findBun(): { readonly path: string; readonly version: string } | undefined {
  const path = [process.env.BUN_BIN, ...packaged(), findProgram('bun')].find((one) => one && isExecutable(one));
  const version = path && toolVersion(path, ['--version'], /^(\d\S*)/);
  return path && version ? { path, version } : undefined;
}

/** Those of node_modules; of several (with and without AVX2) the plain one comes first. */
function packaged(): string[] {
  const folders = createRequire(import.meta.url).resolve.paths(PACKAGE) ?? [];
  return folders.flatMap((modules) =>
    namesIn(join(modules, '@oven'))
      .filter((name) => name.startsWith(PACKAGE))
      .sort()
      .map((name) => join(modules, '@oven', name, 'bin', 'bun')),
  );
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
