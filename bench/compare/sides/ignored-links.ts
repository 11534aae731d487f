// Links that stand where git is told to ignore a folder.

import { lstatSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { git } from './git.js';
import type { Repository } from './repository.js';

/** Links at which git ignores a folder, such as a `node_modules` that leads to another clone's: to git a link is a
 *  file, and `node_modules/` does not ignore it. A build would write through it. */
export async function ignoredLinks(repository: Repository): Promise<string[]> {
  const list = await git(repository.root, ['ls-files', '--others', '--exclude-standard', '-z']);
  const links = list.split('\0').filter((path) => path !== '' && isLinkToFolder(join(repository.root, path)));
  if (links.length === 0) return [];
  // Asked as folders of a folder that is not there: git refuses to look beyond a link.
  const asked = links.map((path) => join(dirname(path), 'nowhere', `${basename(path)}/`));
  const answer = await git(repository.root, [
    '-c',
    'core.quotePath=false',
    'check-ignore',
    '--no-index',
    '--',
    ...asked,
  ]).catch(() => '');
  const ignored = new Set(answer.split('\n'));
  const left = links.filter((path, i) => basename(path) === 'node_modules' || ignored.has(asked[i] as string));
  return left.map((path) => `:(exclude,top,literal)${path}`);
}

function isLinkToFolder(path: string): boolean {
  try {
    return lstatSync(path).isSymbolicLink() && statSync(path).isDirectory();
  } catch {
    return false;
  }
}
