// What a side has in place of links that lead out of it.
//
// A build or server writes through a link. So what a link leads to outside of the folder is copied to where the link
// stands, at any depth, as far as that is bounded; a link that stays inside leads to the side's own file, also where it
// names the folder by its absolute path. Where nothing can be copied, the link leads nowhere: a file that is made
// through it would be outside.

import {
  accessSync,
  constants,
  copyFileSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
} from 'node:fs';
import { dirname, isAbsolute, join, relative, resolve, sep } from 'node:path';

/** What the copy has at `path`, which is relative to its top. */
export type Copied =
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

/** What is outside of the folder and is copied at most; a large node_modules has 100,000 files of 1 GB. */
const MOST_FILES = 200_000;
const MOST_GB = 2;

/** They hold nothing that could be changed. */
const DEVICES = /^\/dev\/(null|zero|full|u?random|tty|std(in|out|err)|fd\/\d+)$/;

/** Where links lead that lead nowhere: inside, and never there. */
const NOWHERE = 'left-out-of-the-copy/nothing';

/** Why a link is not followed. */
class NotFollowed extends Error {}

export class LinkedCopy {
  /** Folders before what is in them. */
  readonly entries: Copied[] = [];
  /** What became of each link that leads out. */
  readonly notes: string[] = [];
  private readonly roots: Root[];
  private files = 0;
  private bytes = 0;

  constructor(folder: string) {
    this.roots = [{ from: realpathSync(folder), to: '' }];
  }

  /** Takes the whole folder. Sockets and pipes are of processes, and left out. @throws the file system's error */
  takeAll(): void {
    this.visit(this.top, '');
  }

  /** Takes what the link at `path` leads to; `text` is what the link says. */
  takeLink(path: string, text: string): void {
    this.follow(join(this.top, dirname(path)), path, text);
  }

  private get top(): string {
    return (this.roots[0] as Root).from;
  }

  private visit(source: string, path: string): void {
    for (const name of readdirSync(source).sort()) {
      if (name === '.git') continue;
      const [from, to] = [join(source, name), join(path, name)];
      const stats = lstatSync(from);
      if (stats.isSymbolicLink()) this.follow(source, to, readlinkSync(from));
      else if (stats.isDirectory()) this.takeFolder(from, to);
      else if (stats.isFile()) this.takeFile(from, to, stats.size);
    }
  }

  private takeFolder(source: string, path: string): void {
    this.entries.push({ kind: 'folder', path });
    this.visit(source, path);
  }

  private takeFile(source: string, path: string, bytes: number): void {
    if (!isBelow(source, this.top)) {
      this.files += 1;
      this.bytes += bytes;
      if (this.files > MOST_FILES || this.bytes > MOST_GB * 2 ** 30) {
        throw new NotFollowed(`and that is more than ${MOST_FILES} files or ${MOST_GB} GB`);
      }
      accessSync(source, constants.R_OK);
    }
    this.entries.push({ kind: 'file', path, source });
  }

  private follow(folder: string, path: string, text: string): void {
    if (DEVICES.test(text)) {
      this.entries.push({ kind: 'link', path, to: text });
      return;
    }
    const target = targetOf(isAbsolute(text) ? text : `${folder}/${text}`);
    const root = this.rootOf(target ?? resolve(folder, text));
    if (root !== undefined) {
      const at = join(root.to, (target ?? resolve(folder, text)).slice(root.from.length).replace(/^\/+/, ''));
      this.link(path, at);
      return;
    }
    const { entries, notes, roots, files, bytes } = this;
    const before = [entries.length, notes.length, roots.length] as const;
    try {
      if (target === undefined) throw new NotFollowed('where nothing is');
      this.takeOutside(target, path);
      this.notes.push(`${path} leads to ${target}: it is a copy of that`);
    } catch (error) {
      const isRefused = typeof (error as NodeJS.ErrnoException).code === 'string';
      if (!(error instanceof NotFollowed) && !isRefused) throw error;
      [entries.length, notes.length, roots.length] = before;
      [this.files, this.bytes] = [files, bytes];
      this.link(path, NOWHERE);
      const why = isRefused ? `(${(error as Error).message})` : (error as Error).message;
      this.notes.push(`${path} leads to ${target ?? text}, ${why}: it leads nowhere`);
    }
  }

  /** @throws NotFollowed, the file system's error */
  private takeOutside(target: string, path: string): void {
    const stats = statSync(target);
    if (stats.isFile()) {
      this.takeFile(target, path, stats.size);
      return;
    }
    if (!stats.isDirectory()) throw new NotFollowed('which is no file and no folder');
    if (this.roots.some((one) => isBelow(one.from, target))) throw new NotFollowed('which holds the folder itself');
    this.roots.push({ from: target, to: path });
    this.takeFolder(target, path);
  }

  private rootOf(target: string): Root | undefined {
    return this.roots.find(({ from }) => isBelow(target, from));
  }

  /** A link to `at` of the copy. */
  private link(path: string, at: string): void {
    this.entries.push({ kind: 'link', path, to: relative(dirname(path), at) || '.' });
  }
}

/** Writes `entries` into `copy`, in place of what links are there. */
export function writeCopied(entries: readonly Copied[], copy: string): void {
  for (const entry of entries) {
    const at = join(copy, entry.path);
    if (lstatSync(at, { throwIfNoEntry: false })?.isSymbolicLink()) rmSync(at);
    if (entry.kind === 'folder') mkdirSync(at, { recursive: true });
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

/** Gives each link of the checkout `folder` that leads out of it what it leads to as seen from `original`, the folder
 *  that the checkout is one of; '': there is none. Tells what became of them.
 *  @throws the file system's error */
export function bringLinksInside(folder: string, original: string): string[] {
  const copy = new LinkedCopy(original || folder);
  for (const path of linksOf(folder)) {
    if (leadsOut(folder, path)) copy.takeLink(path, readlinkSync(join(folder, path)));
  }
  writeCopied(copy.entries, folder);
  return copy.notes;
}

/** Paths of all links below `folder`; what is in folders whose names are no UTF-8 is not found. */
function linksOf(folder: string): string[] {
  const links: string[] = [];
  const visit = (path: string): void => {
    for (const entry of readdirSync(join(folder, path), { withFileTypes: true })) {
      if (entry.name === '.git' || entry.name.includes('\u{fffd}')) continue;
      if (entry.isSymbolicLink()) links.push(join(path, entry.name));
      else if (entry.isDirectory()) visit(join(path, entry.name));
    }
  };
  visit('');
  return links.sort();
}

/** As many links as the kernel follows. */
const MOST_LINKS = 40;

/** Whether the way of a link leaves `folder`, though it may come back: what is out there is not beside the original. */
function leadsOut(folder: string, path: string): boolean {
  let links = 0;
  const walk = (from: readonly string[], text: string): readonly string[] | undefined => {
    if (isAbsolute(text)) return undefined;
    let at = from;
    for (const part of text.split('/').filter((one) => one !== '' && one !== '.')) {
      if (part === '..') {
        if (at.length === 0) return undefined;
        at = at.slice(0, -1);
        continue;
      }
      const next: readonly string[] = [...at, part];
      const inner = linkText(join(folder, ...next));
      // One that leads out itself becomes a copy in its place.
      at = inner === undefined || links++ >= MOST_LINKS ? next : (walk(at, inner) ?? next);
    }
    return at;
  };
  const parts = path.split(sep);
  return walk(parts.slice(0, -1), readlinkSync(join(folder, path))) === undefined;
}

function linkText(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}

function isBelow(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder.endsWith(sep) ? folder : folder + sep);
}

/** Where a path ends as the kernel follows it; undefined where nothing is there. */
function targetOf(path: string): string | undefined {
  try {
    return realpathSync.native(path);
  } catch {
    return undefined;
  }
}
