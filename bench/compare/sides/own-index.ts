// A copy of the user's index, by which the work tree is read as it lies there; theirs is not written.

import { cpSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import { git } from './git.js';
import { environmentOf, type Repository } from './repository.js';

/** So many fit into a command line. */
const PATHS_AT_ONCE = 500;

/** Copies the user's index to `index`: it knows which files are unchanged, sparse or marked to be added. Marks that
 *  have git overlook a file (`update-index --assume-unchanged`, `--skip-worktree`) are taken off those that are there:
 *  what lies in the folder is what is played. */
export async function ownIndex(repository: Repository, index: string): Promise<string> {
  const users = join(repository.gitFolder, 'index');
  if (!existsSync(users)) return index;
  cpSync(users, index);
  const env = { ...environmentOf(repository.settings), GIT_INDEX_FILE: index };
  const listed = (await git(repository.root, ['ls-files', '-v', '-z'], { env })).split('\0');
  const overlooked = (marks: RegExp): string[] =>
    listed.flatMap((line) => {
      const path = line.slice(2);
      return marks.test(line) && existsSync(join(repository.root, path)) ? [path] : [];
    });
  for (const [flag, marks] of [
    ['--no-assume-unchanged', /^[a-z] /],
    ['--no-skip-worktree', /^[Ss] /],
  ] as const) {
    const paths = overlooked(marks);
    for (let i = 0; i < paths.length; i += PATHS_AT_ONCE) {
      await git(repository.root, ['update-index', flag, '--', ...paths.slice(i, i + PATHS_AT_ONCE)], { env });
    }
  }
  return index;
}
