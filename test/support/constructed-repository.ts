// A repository that a test makes, commit by commit, in a temporary folder of its own.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { TestContext } from 'node:test';

const SETTINGS = {
  'user.name': 't',
  'user.email': 't@localhost',
  'protocol.file.allow': 'always',
  'commit.gpgsign': 'false',
};

export interface ConstructedRepository {
  /** Above `folder`: for clones, submodules and caches. */
  readonly place: string;
  readonly folder: string;
  git(...args: string[]): string;
  write(path: string, text: string): void;
  /** Commits all there is, and tells the commit. */
  commit(message?: string): string;
}

export function runGit(folder: string, ...args: string[]): string {
  const settings = Object.entries(SETTINGS).flatMap(([key, value]) => ['-c', `${key}=${value}`]);
  return execFileSync('git', [...settings, ...args], { cwd: folder, encoding: 'utf8', stdio: 'pipe' }).trim();
}

/** An empty folder, gone with the test. */
export function temporaryFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'fanwire-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export function constructRepository(
  t: TestContext,
  place = temporaryFolder(t),
  name = 'repository',
): ConstructedRepository {
  const folder = join(place, name);
  mkdirSync(folder, { recursive: true });
  const git = (...args: string[]): string => runGit(folder, ...args);
  const write = (path: string, text: string): void => {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  };
  git('init', '--quiet', '--initial-branch=main');
  return {
    place,
    folder,
    git,
    write,
    commit: (message = 'x') => {
      git('add', '--all');
      git('commit', '--quiet', '--allow-empty', '-m', message);
      return git('rev-parse', 'HEAD');
    },
  };
}
