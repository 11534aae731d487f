// Files on a branch of this repository, read and committed without a work tree: the user's checkout is not touched.

import { execFileSync } from 'node:child_process';
import { FanwireError } from '../../src/base/error.js';
import { withoutRepository } from '../compare/sides/git.js';

/** Those of `paths` that the branch has, with their text; the remote's branch where there is no local one.
 *  @throws FanwireError FANWIRE_USAGE_HISTORY for a name that is none */
export function branchFiles(branch: string, paths: readonly string[]): Partial<Record<string, string>> {
  const tip = tipOf(branch);
  if (tip === undefined) return {};
  const files: Partial<Record<string, string>> = {};
  for (const path of paths) {
    const text = tryGit(['cat-file', 'blob', `${tip}:${path}`]);
    if (text !== undefined) files[path] = text;
  }
  return files;
}

/** One commit on top of the branch (or the first one of it) in which `files` have this text. Fails when the branch
 *  moved meanwhile.
 *  @throws Error git's own words */
export function commitFiles(branch: string, files: Readonly<Record<string, string>>, message: string): void {
  const tip = tipOf(branch);
  const kept = tip === undefined ? '' : git(['ls-tree', tip]);
  const lines = kept.split('\n').filter((line) => line !== '' && !Object.hasOwn(files, line.split('\t')[1] ?? ''));
  for (const [path, text] of Object.entries(files)) {
    lines.push(`100644 blob ${git(['hash-object', '-w', '--stdin'], text).trim()}\t${path}`);
  }
  const tree = git(['mktree'], `${lines.join('\n')}\n`).trim();
  const parent = tip === undefined ? [] : ['-p', tip];
  const commit = git(['commit-tree', tree, ...parent], `${message}\n`).trim();
  const local = tryGit(['rev-parse', '--verify', '--quiet', `refs/heads/${branch}`])?.trim() ?? '';
  git(['update-ref', `refs/heads/${branch}`, commit, local]);
}

function tipOf(branch: string): string | undefined {
  if (tryGit(['check-ref-format', '--branch', branch]) === undefined) {
    const mend = 'a branch of this repository is written branch:NAME';
    throw new FanwireError('FANWIRE_USAGE_HISTORY', `--store branch:${branch} is no branch (${mend})`);
  }
  for (const ref of [`refs/heads/${branch}`, `refs/remotes/origin/${branch}`]) {
    const tip = tryGit(['rev-parse', '--verify', '--quiet', `${ref}^{commit}`]);
    if (tip !== undefined) return tip.trim();
  }
  return undefined;
}

function tryGit(args: readonly string[]): string | undefined {
  try {
    return git(args);
  } catch {
    return undefined;
  }
}

function git(args: readonly string[], input = ''): string {
  // A machine in CI has no name; a commit needs one.
  const someone = { GIT_AUTHOR_NAME: 'fanwire', GIT_AUTHOR_EMAIL: 'fanwire@localhost' };
  const committer = { GIT_COMMITTER_NAME: 'fanwire', GIT_COMMITTER_EMAIL: 'fanwire@localhost' };
  return execFileSync('git', [...args], {
    encoding: 'utf8',
    input,
    env: { ...someone, ...committer, ...withoutRepository(process.env) },
    stdio: ['pipe', 'pipe', 'pipe'],
    maxBuffer: 256 * 2 ** 20,
  });
}
