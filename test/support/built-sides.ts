// Comparisons that end once both sides are built: no server starts (`node nope.js`), so nothing is measured and the
// machine may be busy.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type ConstructedRepository, constructRepository } from './constructed-repository.js';

const CLI = fileURLToPath(new URL('../../src/cli.js', import.meta.url));

export interface Outcome {
  readonly code: number;
  readonly stderr: string;
  /** The last line without its newline. */
  readonly line: string;
}

export function compare(
  folder: string,
  cache: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
): Promise<Outcome> {
  const all = [CLI, 'compare', '--cache', cache, '--start', 'node nope.js', ...args];
  return new Promise((resolve) => {
    execFile(process.execPath, all, { cwd: folder, env: { ...process.env, ...env } }, (error, _stdout, stderr) => {
      const code = error === null ? 0 : Number(error.code);
      resolve({ code, stderr, line: stderr.trimEnd().split('\n').at(-1) ?? '' });
    });
  });
}

/** Runs a comparison whose builds write what they see, and gives that: one entry a build. */
export async function builds(
  repository: ConstructedRepository,
  args: readonly string[],
  see = 'ls -A',
): Promise<string[][]> {
  const seen = join(repository.place, 'seen');
  rmSync(seen, { force: true });
  const build = `{ ${see}; echo --; } >>${seen}`;
  const { code, stderr } = await compare(repository.folder, join(repository.place, 'cache'), [
    '--build',
    build,
    ...args,
  ]);
  assert.equal(code, 3, stderr);
  assert.match(stderr, /`node nope.js` ended with exit code 1 before it listened: Error: Cannot find module/);
  const list = existsSync(seen) ? readFileSync(seen, 'utf8').split('--\n').slice(0, -1) : [];
  return list.map((text) => text.trimEnd().split('\n'));
}

export function project(t: TestContext, place?: string, name?: string): ConstructedRepository {
  const repository = constructRepository(t, place, name);
  repository.write('package.json', '{"name":"x"}');
  repository.write('.gitignore', 'dist\nnode_modules\n');
  repository.write('server.js', 'first');
  repository.commit();
  repository.git('tag', 'v1');
  return repository;
}
