// A folder outside of any repository, to be copied whole: nothing says which of its files were made by a build.
//
// What a link leads to outside of it is part of it: other content there is another side.

import { createHash } from 'node:crypto';
import { lstatSync, mkdirSync, readFileSync } from 'node:fs';
import { LinkedCopy, writeCopied } from './linked-copy.js';

/** Equal where the copies are. @throws the file system's error */
export function hashPlainFolder(folder: string): string {
  const hash = createHash('sha256');
  for (const entry of copyOf(folder).entries) {
    hash.update(`${entry.kind} ${entry.path}\0`);
    if (entry.kind === 'link') hash.update(`${entry.to}\0`);
    if (entry.kind === 'file') {
      const content = readFileSync(entry.source);
      hash.update(`${lstatSync(entry.source).mode} ${content.length}\0`).update(content);
    }
  }
  return hash.digest('hex');
}

/** Copies `folder` into `copy`, which is new. Tells what became of the links that lead out of it.
 *  @throws the file system's error */
export function copyPlainFolder(folder: string, copy: string): string[] {
  mkdirSync(copy, { recursive: true });
  const { entries, notes } = copyOf(folder);
  writeCopied(entries, copy);
  return notes;
}

function copyOf(folder: string): LinkedCopy {
  const copy = new LinkedCopy(folder);
  copy.takeAll();
  return copy;
}
