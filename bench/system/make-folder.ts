// Makes a folder and what is missing above it.
import { existsSync, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';

/** One folder at a time: Node's `recursive` never returns where the file system says that there is no such folder of
 *  one whose parent is there, as /proc does (seen on Node 20.20).
 *  @throws the file system's error */
export function makeFolder(folder: string): void {
  if (existsSync(folder)) return;
  const parent = dirname(folder);
  if (parent !== folder) makeFolder(parent);
  try {
    mkdirSync(folder);
  } catch (error) {
    // Another process has made it meanwhile.
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}
