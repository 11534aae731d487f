// Creates a folder and its missing parents.
import { existsSync, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';

/** One folder at a time. Node's `recursive` never returns where creating a folder fails with ENOENT although its parent
 *  exists, as in /proc (seen on Node 20.20).
 *  @throws the file system's error */
export function makeFolder(folder: string): void {
  if (existsSync(folder)) return;
  const parent = dirname(folder);
  if (parent !== folder) makeFolder(parent);
  try {
    mkdirSync(folder);
  } catch (error) {
    // Another process created it in the meantime.
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}
