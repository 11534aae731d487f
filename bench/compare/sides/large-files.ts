// Files of Git LFS that are not there: a checkout then has pointers in their place.

import { closeSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { FanwireError } from '../../../src/base/error.js';
import { git } from './git.js';

const POINTER = 'version https://git-lfs.github.com/spec/';

/** A server that reads a pointer instead of its file is not what was checked out.
 *  @throws FanwireError FANWIRE_COMPARE_CHECKOUT */
export async function refuseMissingLargeFiles(folder: string): Promise<void> {
  if (process.env.GIT_LFS_SKIP_SMUDGE === '1') return;
  const listed = await git(folder, ['ls-files', '-z', ':(attr:filter=lfs)']);
  const missing = listed.split('\0').filter((path) => path !== '' && isPointer(join(folder, path)));
  if (missing.length === 0) return;
  throw new FanwireError(
    'FANWIRE_COMPARE_CHECKOUT',
    `${missing.length} file${missing.length === 1 ? '' : 's'} of Git LFS cannot be had, such as ${missing[0]}: git lfs install && git lfs fetch --all (actions/checkout: lfs: true), or GIT_LFS_SKIP_SMUDGE=1 where the server needs none`,
  );
}

function isPointer(path: string): boolean {
  try {
    const file = openSync(path, 'r');
    const start = Buffer.alloc(POINTER.length);
    readSync(file, start, 0, start.length, 0);
    closeSync(file);
    return start.toString('latin1') === POINTER;
  } catch {
    return false;
  }
}
