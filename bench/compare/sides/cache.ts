// Built checkouts, kept by what they were made of. Each is a folder of its own; one that was not built to its end is
// made again.

import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { homedir, hostname } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { FanwireError } from '../../../src/base/error.js';
import { fileAgeMs } from '../../system/file-age.js';
import { makeFolder } from '../../system/make-folder.js';

/** Built checkouts kept at most: fanwire's own takes 400 MB. */
const KEPT = 8;
/** A machine that shares the cache and was seen this lately may still be playing its checkout. */
const ELSEWHERE_MS = 12 * 3_600_000;
/** The holder of a lock touches it this often. After ten times as long without a touch, anybody may take it. */
const HEARTBEAT_MS = 3_000;
const POLL_MS = 250;
const DONE = 'built.json';
/** Names the process that alone may use a checkout. */
const OWNER = 'owner';

/** Outside of the user's folder: Node, TypeScript and package managers look upward, and would take for a side what is
 *  the user's. */
export function defaultCacheFolder(): string {
  return join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'fanwire', 'compare');
}

export class CheckoutCache {
  readonly folder: string;

  /** @throws FanwireError FANWIRE_USAGE_CACHE */
  constructor(folder: string) {
    this.folder = resolve(folder);
    if (existsSync(join(this.folder, '.git'))) {
      throw new FanwireError('FANWIRE_USAGE_CACHE', `--cache ${folder} is a repository: name a folder of its own`);
    }
    try {
      makeFolder(this.folder);
      // Whoever keeps it inside a repository does not want to see it there; what else is in the folder stays seen.
      if (readdirSync(this.folder).length === 0) writeFileSync(join(this.folder, '.gitignore'), '*\n');
    } catch (error) {
      const why = (error as Error).message;
      throw new FanwireError(
        'FANWIRE_USAGE_CACHE',
        `cannot make --cache ${folder}: ${why}; name a folder that can be written`,
      );
    }
  }

  /** A new folder for what is gathered before its name is known; `remove` it. */
  scratch(): string {
    try {
      return mkdtempSync(join(this.folder, 'scratch-'));
    } catch (error) {
      return refuseWriting(this.folder, error);
    }
  }

  /** A checkout in `folder` that is made anew by the next process: nothing says that it would be the same then. */
  keepForOneProcess(folder: string): void {
    writeFileSync(join(folder, OWNER), ownerName());
  }

  remove(folder: string): void {
    rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  }

  /** The folder of `name`, filled by `make` where it is not there, complete: `make` has to resolve, else the next one
   *  begins anew. One process at a time makes it; others wait. @throws what `make` throws, and the reason of
   *  `signal` */
  async have(
    name: string,
    make: (folder: string) => Promise<void>,
    signal: AbortSignal,
    waiting: () => void,
  ): Promise<string> {
    const folder = join(this.folder, name);
    const release = await this.lock(`${folder}.lock`, signal, waiting);
    try {
      if (!existsSync(join(folder, DONE)) || (isOfAnother(folder) && !isInUse(folder))) {
        this.remove(folder);
        makeFolder(folder);
        await make(folder);
        this.prune(name);
      }
      const done = join(folder, DONE);
      writeFileSync(`${done}.new`, `${JSON.stringify({ usedAt: new Date().toISOString() })}\n`);
      renameSync(`${done}.new`, done);
      markInUse(folder);
      return folder;
    } catch (error) {
      return refuseWriting(this.folder, error);
    } finally {
      release();
    }
  }

  private async lock(path: string, signal: AbortSignal, waiting: () => void): Promise<() => void> {
    for (let tries = 0; ; tries++) {
      signal.throwIfAborted();
      try {
        writeFileSync(path, `${process.pid} ${hostname()}\n`, { flag: 'wx' });
        break;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') refuseWriting(this.folder, error);
      }
      if (isAbandoned(path)) removeAbandoned(path);
      else if (tries === 0) waiting();
      else await sleep(POLL_MS, undefined, { signal }).catch(() => {});
    }
    const heartbeat = setInterval(() => touch(path), HEARTBEAT_MS);
    const release = (): void => {
      clearInterval(heartbeat);
      process.off('exit', release);
      rmSync(path, { force: true });
    };
    process.once('exit', release);
    return release;
  }

  /** Deletes the checkouts that were not used for longest, beside `name`. */
  private prune(name: string): void {
    const built = readdirSync(this.folder)
      .filter((entry) => entry !== name && existsSync(join(this.folder, entry, DONE)))
      .map((entry) => ({ entry, usedMs: statSync(join(this.folder, entry, DONE)).mtimeMs }))
      .sort((a, b) => b.usedMs - a.usedMs);
    for (const entry of readdirSync(this.folder).filter((one) => one.startsWith('scratch-'))) {
      const path = join(this.folder, entry);
      if (Date.now() - statSync(path).mtimeMs > ELSEWHERE_MS) this.remove(path);
    }
    for (const { entry } of built.slice(KEPT - 1)) {
      if (!isInUse(join(this.folder, entry))) this.remove(join(this.folder, entry));
    }
  }
}

const USER = /^user-(.*)-(\d+)$/;

/** Until this process ends, nobody deletes `folder`. */
function markInUse(folder: string): void {
  const mark = join(folder, `user-${hostname()}-${process.pid}`);
  writeFileSync(mark, '');
  process.once('exit', () => rmSync(mark, { force: true }));
}

function isInUse(folder: string): boolean {
  return readdirSync(folder).some((name) => {
    const [, host, pid] = USER.exec(name) ?? [];
    if (host === undefined) return false;
    if (host !== hostname()) return Date.now() - statSync(join(folder, name)).mtimeMs < ELSEWHERE_MS;
    return isAlive(Number(pid));
  });
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0); // asks, sends nothing
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}

function touch(path: string): void {
  try {
    utimesSync(path, new Date(), new Date());
  } catch {
    // Somebody has deleted the cache.
  }
}

/** Whether the process that made a lock is gone: ended on this machine, or silent for long on whichever it was. */
function isAbandoned(path: string): boolean {
  try {
    const [pid, host] = readFileSync(path, 'utf8').trim().split(' ');
    if (Date.now() - statSync(path).mtimeMs > HEARTBEAT_MS * 10) return true;
    return host === hostname() && !isAlive(Number(pid));
  } catch {
    return false; // It has just been released.
  }
}

/** One at a time, and only while it is abandoned still: of two that have seen the same dead lock, the later would
 *  remove the one that the earlier has made since. */
function removeAbandoned(path: string): void {
  const guard = `${path}.take`;
  try {
    writeFileSync(guard, '', { flag: 'wx' });
  } catch {
    // Whoever was removing it may have been ended at that.
    if (fileAgeMs(guard) > HEARTBEAT_MS * 10) rmSync(guard, { force: true });
    return;
  }
  try {
    if (isAbandoned(path)) rmSync(path, { force: true });
  } finally {
    rmSync(guard, { force: true });
  }
}

function ownerName(): string {
  return `${process.pid} ${hostname()}`;
}

function isOfAnother(folder: string): boolean {
  try {
    return readFileSync(join(folder, OWNER), 'utf8') !== ownerName();
  } catch {
    return false;
  }
}

const MENDS: Readonly<Record<string, string>> = {
  ENOSPC: 'the disk is full: free some space, or put --cache elsewhere',
  EDQUOT: 'your quota is used up: free some space, or put --cache elsewhere',
  EROFS: 'it can only be read: name a --cache that can be written',
  EACCES: 'it may not be written: name a --cache that may',
  EPERM: 'it may not be written: name a --cache that may',
};

/** @throws FanwireError FANWIRE_COMPARE_CHECKOUT where the file system refuses, else `error` itself */
function refuseWriting(folder: string, error: unknown): never {
  const { code = '', message } = error as NodeJS.ErrnoException;
  const mend = MENDS[code];
  if (error instanceof FanwireError || mend === undefined) throw error;
  throw new FanwireError('FANWIRE_COMPARE_CHECKOUT', `cannot write below ${folder}: ${message}; ${mend}`);
}

/** A short name of everything that `parts` hold. */
export function digest(parts: unknown): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 16);
}
