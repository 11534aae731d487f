// A folder outside of any repository, to be copied whole: nothing says which of its files were made by a build.
//
// What a link leads to outside of it is part of it, at any depth: a build would write through the link, and other
// content there is another side. A link that stays inside leads to the copy's own file.

import { createHash } from 'node:crypto';
import {
  copyFileSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  statSync,
  symlinkSync,
  utimesSync,
} from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import { FanwireError } from '../../../src/base/error.js';

/** What the copy has at `path`, which is relative to its top. */
type Copied =
  | { readonly kind: 'folder'; readonly path: string }
  | { readonly kind: 'file'; readonly path: string; readonly source: string }
  | { readonly kind: 'link'; readonly path: string; readonly to: string };

/** A folder that is copied, with all below it. */
interface Root {
  /** Its real path. */
  readonly from: string;
  /** In the copy, relative to its top. */
  readonly to: string;
}

/** All that a copy of `folder` has, folders before what is in them. Sockets and pipes are of processes, and left out.
 *  @throws FanwireError FANWIRE_COMPARE_CHECKOUT, the file system's error */
function entriesOf(folder: string): Copied[] {
  const roots: Root[] = [{ from: realpathSync(folder), to: '' }];
  const entries: Copied[] = [];
  const visit = (source: string, path: string): void => {
    const names = readdirSync(source).sort();
    for (const name of names) {
      if (name === '.git') continue;
      const [from, to] = [join(source, name), join(path, name)];
      const stats = lstatSync(from);
      if (stats.isSymbolicLink()) follow(from, to);
      else if (stats.isDirectory()) take(from, to);
      else if (stats.isFile()) entries.push({ kind: 'file', path: to, source: from });
    }
  };
  const take = (source: string, path: string): void => {
    entries.push({ kind: 'folder', path });
    visit(source, path);
  };
  const follow = (from: string, path: string): void => {
    const target = targetOf(from);
    if (target === undefined) {
      entries.push({ kind: 'link', path, to: readlinkSync(from) });
      return;
    }
    const root = roots.find((one) => target === one.from || target.startsWith(withSlash(one.from)));
    if (root !== undefined) {
      const at = join(root.to, target.slice(root.from.length).replace(/^\/+/, ''));
      entries.push({ kind: 'link', path, to: relative(dirname(path), at) || '.' });
      return;
    }
    if (statSync(target).isFile()) entries.push({ kind: 'file', path, source: target });
    if (!statSync(target).isDirectory()) return;
    if (roots.some((one) => one.from.startsWith(withSlash(target)))) {
      throw new FanwireError(
        'FANWIRE_COMPARE_CHECKOUT',
        `cannot copy ${folder}: its link ${path} leads to ${target}, which holds it: remove the link`,
      );
    }
    roots.push({ from: target, to: path });
    take(target, path);
  };
  visit(roots[0]?.from as string, '');
  return entries;
}

function withSlash(folder: string): string {
  return folder.endsWith(sep) ? folder : folder + sep;
}

/** Where a link ends; undefined where nothing is there. */
function targetOf(link: string): string | undefined {
  try {
    return realpathSync(link);
  } catch {
    return undefined;
  }
}

/** Equal where the copies are. @throws as `copyPlainFolder` */
export function hashPlainFolder(folder: string): string {
  const hash = createHash('sha256');
  for (const entry of entriesOf(folder)) {
    hash.update(`${entry.kind} ${entry.path}\0`);
    if (entry.kind === 'link') hash.update(`${entry.to}\0`);
    if (entry.kind === 'file') {
      const content = readFileSync(entry.source);
      hash.update(`${lstatSync(entry.source).mode} ${content.length}\0`).update(content);
    }
  }
  return hash.digest('hex');
}

/** Copies `folder` into `copy`, which is new.
 *  @throws FanwireError FANWIRE_COMPARE_CHECKOUT for a link to a folder that holds this one, the file system's error */
export function copyPlainFolder(folder: string, copy: string): void {
  mkdirSync(copy, { recursive: true });
  for (const entry of entriesOf(folder)) {
    const at = join(copy, entry.path);
    if (entry.kind === 'folder') mkdirSync(at);
    else if (entry.kind === 'link') symlinkSync(entry.to, at);
    else copyFile(entry.source, at);
  }
}

/** With its times: a build may look at them. */
function copyFile(from: string, to: string): void {
  copyFileSync(from, to);
  const { atime, mtime } = statSync(from);
  utimesSync(to, atime, mtime);
}
