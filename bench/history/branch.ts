// Files on a branch of this repository, read and committed without a work tree: the user's checkout is not touched.

import { execFileSync } from 'node:child_process';
import { FanwireError } from '../../src/base/error.js';
import { GitFailure, QUIET_FLAGS, reasonOf, withoutRepository } from '../compare/sides/git.js';

/** The newest commits of a branch, here and as it was fetched from the remote: none where there is no such branch, one
 *  where one has all that the other has, else two, the local one first.
 *  @throws FanwireError FANWIRE_USAGE_HISTORY for a name that is none */
export function branchTips(branch: string): string[] {
  requireRepository(branch);
  if (tryGit(['check-ref-format', '--branch', branch]) === undefined) {
    throw refuse(branch, 'is no branch (a branch of this repository is written branch:NAME)');
  }
  const [local, fetched] = [`refs/heads/${branch}`, `refs/remotes/origin/${branch}`].map(commitAt);
  if (local === undefined || fetched === undefined) return [local ?? fetched].filter((tip) => tip !== undefined);
  if (isAncestor(fetched, local)) return [local];
  return isAncestor(local, fetched) ? [fetched] : [local, fetched];
}

function requireRepository(branch: string): void {
  try {
    git(['rev-parse', '--git-dir']);
  } catch (error) {
    const { code, stderr = '' } = error as { readonly code?: string; readonly stderr?: string };
    const why =
      code === 'ENOENT'
        ? 'needs git, and there is none on the PATH'
        : /dubious ownership/.test(stderr)
          ? reasonOf(new GitFailure('', stderr), '.')
          : 'is of a repository, and this folder is in none: run it in the clone';
    throw refuse(branch, why);
  }
}

/** A file's text in a commit; '' where the commit has none.
 *  @throws FanwireError FANWIRE_USAGE_HISTORY where it has one that cannot be read: taken for none, it would be written
 *  over */
export function fileAt(commit: string, path: string): string {
  try {
    return git(['ls-tree', commit, '--', path]) === '' ? '' : git(['cat-file', 'blob', `${commit}:${path}`]);
  } catch (error) {
    const { stderr = '', message } = error as { readonly stderr?: string; readonly message: string };
    const why = (stderr || message).trim().split('\n').at(-1) ?? '';
    throw new FanwireError('FANWIRE_USAGE_HISTORY', `cannot read ${path} of ${commit.slice(0, 9)}: ${why}`);
  }
}

/** Somebody else has committed to the branch meanwhile. */
export class BranchMoved extends Error {}

/** One commit on top of `tips` (or the first one of the branch) in which `files` have this text.
 *  @throws BranchMoved, FanwireError FANWIRE_USAGE_HISTORY for a branch that is checked out, Error with git's words */
export function commitFiles(
  branch: string,
  tips: readonly string[],
  files: Readonly<Record<string, string>>,
  message: string,
): void {
  const ref = `refs/heads/${branch}`;
  const held = tryGit(['worktree', 'list', '--porcelain'])?.split('\n').includes(`branch ${ref}`);
  if (held === true) {
    throw refuse(branch, 'is checked out, and would change below its work tree: use a branch that holds nothing else');
  }
  const local = commitAt(ref) ?? '';
  const [tip] = tips;
  const kept = tip === undefined ? '' : git(['ls-tree', tip]);
  const lines = kept.split('\n').filter((line) => line !== '' && !Object.hasOwn(files, line.split('\t')[1] ?? ''));
  for (const [path, text] of Object.entries(files)) {
    lines.push(`100644 blob ${git(['hash-object', '-w', '--stdin'], text).trim()}\t${path}`);
  }
  const tree = git(['mktree'], `${lines.join('\n')}\n`).trim();
  const parents = tips.flatMap((parent) => ['-p', parent]);
  const commit = git(['commit-tree', tree, ...parents], `${message}\n`).trim();
  if (local !== '' && !isAncestor(local, commit)) throw new BranchMoved(`${branch} has moved`);
  try {
    git(['update-ref', ref, commit, local === '' ? '0'.repeat(commit.length) : local]);
  } catch (error) {
    if ((commitAt(ref) ?? '') !== local || /cannot lock ref|unable to lock|File exists/i.test(String(error)))
      throw new BranchMoved((error as Error).message);
    throw error;
  }
}

function commitAt(ref: string): string | undefined {
  return tryGit(['rev-parse', '--verify', '--quiet', `${ref}^{commit}`])?.trim();
}

function isAncestor(commit: string, of: string): boolean {
  return tryGit(['merge-base', '--is-ancestor', commit, of]) !== undefined;
}

function refuse(branch: string, why: string): FanwireError {
  return new FanwireError('FANWIRE_USAGE_HISTORY', `--store branch:${branch} ${why}`);
}

/** The longest text that there can be: a history is one file. */
const LONGEST_OUTPUT = 2 ** 29 - 25;

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
  return execFileSync('git', [...QUIET_FLAGS, ...args], {
    encoding: 'utf8',
    input,
    env: { ...someone, ...committer, ...withoutRepository(process.env) },
    stdio: ['pipe', 'pipe', 'pipe'],
    maxBuffer: LONGEST_OUTPUT,
  });
}
