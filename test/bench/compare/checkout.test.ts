// What a comparison builds: each side from a clean checkout of its own, by the same command, once.
import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { signalChild } from '../../../bench/system/signal-child.js';
import { builds, compare, project } from '../../support/built-sides.js';
import { constructRepository } from '../../support/constructed-repository.js';
import { testNeeding } from '../../support/needs.js';

const test = testNeeding('git');

const CLI = fileURLToPath(new URL('../../../src/cli.js', import.meta.url));

/** Everything in `folder`, git's own files with it, as one value. */
function fingerprint(folder: string): string {
  const hash = createHash('sha256');
  const visit = (at: string): void => {
    for (const entry of readdirSync(at, { withFileTypes: true })) {
      const path = join(at, entry.name);
      hash.update(path).update(String(lstatSync(path).mode));
      if (entry.isDirectory()) visit(path);
      else if (entry.isFile()) hash.update(readFileSync(path)).update(String(lstatSync(path).nlink));
    }
  };
  visit(folder);
  return hash.digest('hex');
}

test('the work tree is built from a clean copy: changed and untracked files are in it, ignored ones not', async (t) => {
  const repository = project(t);
  repository.write('server.js', 'changed');
  repository.write('new/file.js', 'untracked');
  repository.write('dist/server.js', 'stale output');
  repository.write('node_modules/a/index.js', 'original');
  rmSync(join(repository.folder, 'package.json'));
  const before = fingerprint(repository.folder);
  const [base, head, ...others] = await builds(repository, ['--base', 'v1'], 'cat server.js; echo; ls -A; ls new');
  assert.deepEqual(base, ['first', '.git', '.gitignore', 'package.json', 'server.js']);
  assert.deepEqual(head, ['changed', '.git', '.gitignore', 'new', 'server.js', 'file.js']);
  assert.deepEqual(others, []);
  assert.equal(fingerprint(repository.folder), before, 'nothing of the user’s folder was touched, not even in .git');
});

test('the report says what the work tree has beside its commit', async (t) => {
  const repository = project(t);
  repository.write('server.js', 'changed');
  repository.write('one.js', '');
  repository.write('two.js', '');
  const cache = join(repository.place, 'cache');
  const { stderr } = await compare(repository.folder, cache, ['--base', 'v1', '--build', 'true']);
  assert.match(stderr, /building this folder \([0-9a-f]{9} with changes: 1 changed, 2 untracked\): true/);
});

test('a side’s build reaches neither the user’s modules nor the other side’s', async (t) => {
  const repository = project(t);
  repository.write('package-lock.json', '{"lockfileVersion":3}');
  repository.commit();
  repository.write('node_modules/lib/index.js', 'original');
  const build = 'mkdir -p node_modules/lib; cat node_modules/lib/index.js 2>&1; pwd >node_modules/lib/index.js';
  const seen = await builds(repository, ['--base', 'HEAD~1'], build);
  assert.equal(seen.length, 2);
  for (const [line] of seen) assert.match(line as string, /No such file/);
  assert.equal(readFileSync(join(repository.folder, 'node_modules/lib/index.js'), 'utf8'), 'original');
});

test('a build finds nothing of the folder that fanwire was called in: no module above it, no npm variables, no git folder of a hook', async (t) => {
  const repository = project(t);
  const see = `printenv npm_package_name GIT_DIR INIT_CWD; git rev-parse --show-toplevel; echo $PATH | tr : '\\n' | grep -c elsewhere`;
  const seen = join(repository.place, 'seen');
  const env = {
    npm_package_name: 'mine',
    INIT_CWD: repository.folder,
    GIT_DIR: join(repository.folder, '.git'),
    PATH: `/elsewhere/node_modules/.bin:${process.env.PATH}`,
  };
  const args = ['--base', 'v1', '--build', `{ ${see}; true; } >>${seen}`];
  const { code, stderr } = await compare(repository.folder, join(repository.place, 'cache'), args, env);
  assert.equal(code, 3, stderr);
  const [top, count, ...rest] = readFileSync(seen, 'utf8').trim().split('\n');
  assert.match(top as string, new RegExp(`^${repository.place}/cache/[^/]+/tree$`));
  assert.equal(count, '0');
  assert.deepEqual(rest, [], 'both sides are the same commit: built once');
});

test('a checkout is built again for another command, and where its build did not end well', async (t) => {
  const repository = project(t);
  repository.write('server.js', 'second');
  repository.commit();
  const sides = ['--base', 'v1', '--head', 'HEAD'];
  assert.equal((await builds(repository, sides)).length, 2);
  assert.equal((await builds(repository, sides)).length, 0, 'the same again comes from the cache');
  assert.equal((await builds(repository, sides, 'ls -A .')).length, 2);
  const cache = join(repository.place, 'cache');
  const flag = join(repository.place, 'fail');
  writeFileSync(flag, '');
  const build = [
    '--build',
    `echo half >half; test ! -e ${flag} && ls half other 2>&1 >>${repository.place}/log; test ! -e ${flag}`,
  ];
  const failed = await compare(repository.folder, cache, [...sides, ...build]);
  assert.equal(failed.code, 3);
  assert.match(
    failed.line,
    /^fanwire: nothing was measured: building v1 \([0-9a-f]{9}\) with "echo half.*" failed \(1\).*\[FANWIRE_COMPARE_BUILD\]$/,
  );
  rmSync(flag);
  const well = await compare(repository.folder, cache, [...sides, ...build]);
  assert.match(well.line, /node nope.js/);
  const nodeEnv = await compare(repository.folder, cache, [...sides, ...build], { NODE_ENV: 'production' });
  assert.match(nodeEnv.stderr, /building v1/, 'an install for production is another build');
});

test('two comparisons at the same time build a checkout once, and the second waits for it', async (t) => {
  const repository = project(t);
  const cache = join(repository.place, 'cache');
  const log = join(repository.place, 'log');
  const args = ['--base', 'v1', '--head', 'v1', '--build', `echo built >>${log}; sleep 1`];
  const outcomes = await Promise.all([
    compare(repository.folder, cache, args),
    compare(repository.folder, cache, args),
  ]);
  for (const { line } of outcomes) assert.match(line, /node nope.js/);
  assert.equal(readFileSync(log, 'utf8'), 'built\n');
  assert.match(outcomes.map(({ stderr }) => stderr).join(''), /another comparison is building v1 .*: waiting for it/);
});

test('the reason of a failed build is its last telling line, with the file of the rest', async (t) => {
  const repository = project(t);
  const cache = join(repository.place, 'cache');
  const program = `console.log('compiling'); throw new TypeError('no such compiler')`;
  const { code, line } = await compare(repository.folder, cache, ['--base', 'v1', '--build', `node -e "${program}"`]);
  assert.equal(code, 3);
  const log =
    /failed \(1\): TypeError: no such compiler \(all it wrote: (.*build\.log)\) \[FANWIRE_COMPARE_BUILD\]$/.exec(
      line,
    )?.[1];
  assert.match(readFileSync(log ?? '', 'utf8'), /compiling\n/);
});

test('no hook of the user’s runs, a failing one neither', async (t) => {
  const repository = project(t);
  const hook = join(repository.folder, '.git/hooks/post-checkout');
  mkdirSync(join(repository.folder, '.git/hooks'), { recursive: true });
  writeFileSync(hook, `#!/bin/sh\ntouch ${repository.place}/hooked\nexit 2\n`);
  chmodSync(hook, 0o755);
  assert.equal((await builds(repository, ['--base', 'v1', '--head', 'HEAD'])).length, 1);
  assert.ok(!existsSync(join(repository.place, 'hooked')));
});

test('a folder of a monorepo is the same folder of each checkout, and needs no package.json', async (t) => {
  const repository = constructRepository(t);
  repository.write('shared/x.txt', '1');
  repository.write('services/relay/server.py', 'first');
  repository.commit();
  repository.git('tag', 'v1');
  repository.write('services/relay/server.py', 'second');
  const inner = { ...repository, folder: join(repository.folder, 'services/relay') };
  const [base, head] = await builds(inner, ['--base', 'v1'], 'cat server.py; echo; ls ../..');
  assert.deepEqual(base, ['first', 'services', 'shared']);
  assert.deepEqual(head, ['second', 'services', 'shared']);
});

test('a folder outside of any repository is copied whole; links that leave it are followed', async (t) => {
  const repository = project(t);
  const other = join(repository.place, 'other');
  cpSync(repository.folder, other, { recursive: true });
  rmSync(join(other, '.git'), { recursive: true });
  mkdirSync(join(repository.place, 'modules/lib'), { recursive: true });
  writeFileSync(join(repository.place, 'modules/lib/index.js'), 'original');
  symlinkSync(join(repository.place, 'modules'), join(other, 'node_modules'));
  const [base] = await builds(
    repository,
    ['--base', other, '--head', 'v1'],
    'ls -A; echo patched >node_modules/lib/index.js',
  );
  assert.deepEqual(base, ['.gitignore', 'node_modules', 'package.json', 'server.js']);
  assert.equal(readFileSync(join(repository.place, 'modules/lib/index.js'), 'utf8'), 'original');
});

test('a copied folder shares no file with its original at any depth, and is another one where what its links lead to is', async (t) => {
  const repository = project(t);
  const at = (...names: string[]): string => join(repository.place, ...names);
  mkdirSync(at('plain/packages/a'), { recursive: true });
  mkdirSync(at('shared/deep'), { recursive: true });
  writeFileSync(at('shared/deep/lib.js'), 'original');
  writeFileSync(at('plain/own.js'), 'original');
  symlinkSync('../../../shared', at('plain/packages/a/shared')); // relative, two folders down
  symlinkSync(at('plain/own.js'), at('plain/packages/a/own.js')); // absolute, and inside
  symlinkSync('../..', at('shared/deep/back')); // holds the folder, seen from what it leads to
  symlinkSync(at('nowhere'), at('plain/dangling'));
  execFileSync('mkfifo', [at('plain/pipe')]);
  const sides = ['--base', at('plain'), '--head', 'v1'];
  symlinkSync('../deep', at('shared/deep/round'));
  const see =
    'ls -A; cat packages/a/shared/deep/round/lib.js; echo; for one in packages/a/own.js packages/a/shared/deep/lib.js dangling; do echo patched >$one || :; done';
  const [first] = await builds(repository, sides, see);
  assert.deepEqual(first, ['dangling', 'own.js', 'packages', 'original']);
  assert.ok(!existsSync(at('nowhere')), 'nothing was made through a link');
  assert.equal(readFileSync(at('shared/deep/lib.js'), 'utf8'), 'original');
  assert.equal(readFileSync(at('plain/own.js'), 'utf8'), 'original');
  writeFileSync(at('shared/deep/lib.js'), 'changed');
  const [again] = await builds(repository, sides, see);
  assert.deepEqual(again, ['dangling', 'own.js', 'packages', 'changed'], 'nothing of the old copy is played');
});

/** Interrupts a comparison once it has written a process id to the file that `argsFor` is given, and waits for that
 *  process to end. */
async function interrupted(t: TestContext, argsFor: (pidFile: string) => readonly string[]): Promise<void> {
  const repository = project(t);
  const pidFile = join(repository.place, 'pid');
  const args = ['--base', 'v1', ...argsFor(pidFile)];
  const child = execFile(process.execPath, [CLI, 'compare', '--cache', join(repository.place, 'cache'), ...args], {
    cwd: repository.folder,
  });
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
  while (!existsSync(pidFile) || readFileSync(pidFile, 'utf8') === '') {
    assert.equal(child.exitCode, null, 'the comparison ended before it started anything');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  signalChild(child, 'SIGINT');
  const begun = performance.now();
  assert.equal(await ended, 130);
  assert.ok(performance.now() - begun < 20_000, 'nothing is waited for that takes half a minute');
  const pid = Number(readFileSync(pidFile, 'utf8'));
  const isThere = (): boolean => {
    try {
      return !/^State:\s+Z/m.test(execFileSync('cat', [`/proc/${pid}/status`], { encoding: 'utf8', stdio: 'pipe' }));
    } catch {
      return false;
    }
  };
  while (isThere()) await new Promise((resolve) => setTimeout(resolve, 20));
}

test('an interrupt ends a build with all that it started', (t) =>
  interrupted(t, (pidFile) => ['--build', `sh -c 'echo $$ >${pidFile}; exec sleep 100' & wait`]));

test('an interrupt ends a start that would be waited for, and is no verdict on it', (t) =>
  interrupted(t, (pidFile) => ['--build', 'true', '--start', `echo $$ >${pidFile}; exec sleep 100`]));
