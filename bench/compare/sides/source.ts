// What a folder or commit of a comparison is made of, before anything is built: its content, a name for it, a way to
// write it out.

import { realpathSync } from 'node:fs';
import { FanwireError } from '../../../src/base/error.js';
import type { CheckoutCache } from './cache.js';
import { changesOf, checkOut, type Snapshot, settled, snapshotCommit, snapshotFolder } from './checkout.js';
import { GitFailure, refuseCheckout } from './git.js';
import { bringLinksInside } from './linked-copy.js';
import { copyPlainFolder, hashPlainFolder } from './plain-folder.js';
import { conversionsOf, openObjects, openRepository, type Repository } from './repository.js';

export interface Source {
  /** With the commit, and what the work tree has beside it. */
  readonly label: string;
  /** First part of the checkout's name. */
  readonly name: string;
  /** What the content is known by: equal where it is equal. */
  readonly identity: readonly string[];
  /** Where in the checkout the build and the server run, '' or with a slash behind it. */
  readonly prefix: string;
  /** The user's folder that a checkout stands for, as its real path; '' where there is none (a bare repository). */
  readonly original: string;
  /** Writes the content into `folder`, once. Tells what became of the links that lead out of it. */
  write(folder: string, signal: AbortSignal): Promise<readonly string[]>;
  /** The same content, to be written once more from what was written into `folder`. */
  again(folder: string): Source;
}

/** A commit of the repository that this process stands in; the server is in the same folder of it.
 *  @throws FanwireError FANWIRE_COMPARE_CHECKOUT */
export async function commitSource(commit: string, label: string): Promise<Source> {
  try {
    const repository = await openObjects('.');
    return snapshotSource(await snapshotCommit(repository, commit), label, repository.prefix);
  } catch (error) {
    return refuseCheckout(label, '.', error);
  }
}

/** A folder as it stands: the files that its repository knows or does not ignore, or all where it is in none.
 *  @throws FanwireError FANWIRE_COMPARE_CHECKOUT */
export async function folderSource(spec: string, folder: string, cache: CheckoutCache): Promise<Source> {
  const name = spec === '.' ? 'this folder' : spec;
  try {
    const repository = await openRepository(folder);
    const scratch = cache.scratch();
    process.once('exit', () => cache.remove(scratch));
    const snapshot = await snapshotFolder(repository, scratch, cache.folder);
    const label = `${name} (${await describe(snapshot, cache.folder, scratch)})`;
    return snapshotSource(snapshot, label, repository.prefix);
  } catch (error) {
    if (error instanceof GitFailure && /not a git repository \(|no git on the PATH/.test(error.message)) {
      return plainSource(name, folder);
    }
    return refuseCheckout(name, folder, error);
  }
}

async function describe({ repository, commit }: Snapshot, leftOut: string, scratch: string): Promise<string> {
  const { changed, untracked } = await changesOf(repository, leftOut, scratch);
  const parts = [changed === 0 ? '' : `${changed} changed`, untracked === 0 ? '' : `${untracked} untracked`];
  const changes = parts.filter((part) => part !== '').join(', ');
  return `${commit === '' ? 'no commit yet' : commit.slice(0, 9)}${changes === '' ? '' : ` with changes: ${changes}`}`;
}

function snapshotSource(
  snapshot: Snapshot,
  label: string,
  prefix: string,
  original = originalOf(snapshot.repository),
): Source {
  return {
    label,
    name: snapshot.commit.slice(0, 9) || 'uncommitted',
    identity: identityOf(snapshot),
    prefix,
    original,
    write: async (folder, signal) => {
      try {
        await checkOut(snapshot, folder, signal);
      } catch (error) {
        refuseCheckout(label, folder, error);
      }
      return orRefuse(label, () => bringLinksInside(folder, original));
    },
    again: (folder) => snapshotSource(settled(snapshot, folder), label, prefix, original),
  };
}

function originalOf({ root, gitFolder }: Repository): string {
  return root === gitFolder ? '' : realpathSync(root);
}

function identityOf({ repository, commit, tree, submodules }: Snapshot): string[] {
  return [
    commit,
    tree,
    ...conversionsOf(repository),
    ...[...submodules].flatMap(([path, inner]) => [path, ...identityOf(inner)]),
  ];
}

/** A folder outside of any repository, as it stands. */
function plainSource(label: string, folder: string): Source {
  const hash = orRefuse(label, () => hashPlainFolder(folder));
  const source: Source = {
    label,
    name: 'folder',
    identity: [hash],
    prefix: '',
    original: realpathSync(folder),
    write: async (to) => {
      const notes = orRefuse(label, () => copyPlainFolder(folder, to));
      if (orRefuse(label, () => hashPlainFolder(folder)) === hash) return notes;
      throw new FanwireError(
        'FANWIRE_COMPARE_CHECKOUT',
        `${label} changed while it was copied: leave it alone, and play again`,
      );
    },
    again: () => source,
  };
  return source;
}

/** @throws FanwireError FANWIRE_COMPARE_CHECKOUT for what the file system refuses */
function orRefuse<T>(label: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof FanwireError) throw error;
    throw new FanwireError('FANWIRE_COMPARE_CHECKOUT', `cannot copy ${label}: ${(error as Error).message}`);
  }
}
