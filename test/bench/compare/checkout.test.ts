// What a comparison builds: each side from a clean checkout of its own, by the same command, once; and git's refusals in one line.
// No server starts here (`node nope.js`): a comparison that gets as far as that has built both sides.
import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  chownSync,
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
import { signalChild } from '../../../bench/run/signal-child.js';
import {
  type ConstructedRepository,
  constructRepository,
  runGit,
  temporaryFolder,
} from '../../support/constructed-repository.js';
import { testNeeding } from '../../support/needs.js';

const test = testNeeding('git');

const CLI = fileURLToPath(new URL('../../../src/cli.js', import.meta.url));

interface Outcome {
  readonly code: number;
  readonly stderr: string;
  /** The last line without its newline. */
  readonly line: string;
}

function compare(
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
async function builds(repository: ConstructedRepository, args: readonly string[], see = 'ls -A'): Promise<string[][]> {
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

function project(t: TestContext): ConstructedRepository {
  const repository = constructRepository(t);
  repository.write('package.json', '{"name":"x"}');
  repository.write('.gitignore', 'dist\nnode_modules\n');
  repository.write('server.js', 'first');
  repository.commit();
  repository.git('tag', 'v1');
  return repository;
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

test('submodules: of a commit at the commit it names, of the work tree as they stand, changes and all', async (t) => {
  const place = temporaryFolder(t);
  const library = constructRepository(t, place, 'library');
  library.write('lib.js', 'library 1');
  library.commit();
  const repository = constructRepository(t, place);
  repository.git('submodule', '--quiet', 'add', '../library', 'vendor/lib');
  repository.write('package.json', '{"name":"x"}');
  repository.commit();
  repository.git('tag', 'v1');
  repository.write('vendor/lib/lib.js', 'library changed');
  repository.write('vendor/lib/more.js', 'untracked in the submodule');
  const see = 'cat vendor/lib/lib.js; echo; ls vendor/lib';
  const [base, head] = await builds(repository, ['--base', 'v1'], see);
  assert.deepEqual(base, ['library 1', 'lib.js']);
  assert.deepEqual(head, ['library changed', 'lib.js', 'more.js']);
  // A clone without its submodules fetches them for the checkout, and has none itself afterwards.
  runGit(place, 'clone', '--quiet', repository.folder, 'bare-bones');
  const clone = { ...repository, folder: join(place, 'bare-bones') };
  const allowed = { GIT_CONFIG_COUNT: '1', GIT_CONFIG_KEY_0: 'protocol.file.allow', GIT_CONFIG_VALUE_0: 'always' };
  const seen = join(place, 'fetched');
  const args = ['--base', 'v1', '--build', `cat vendor/lib/lib.js >>${seen}`];
  const outcome = await compare(clone.folder, join(place, 'other-cache'), args, allowed);
  assert.match(outcome.line, /node nope.js/);
  assert.equal(readFileSync(seen, 'utf8'), 'library 1');
  assert.deepEqual(readdirSync(join(clone.folder, 'vendor/lib')), []);
  const refused = await compare(clone.folder, join(place, 'third-cache'), args, { GIT_CONFIG_GLOBAL: '/dev/null' });
  assert.equal(refused.code, 3);
  assert.match(
    refused.line,
    /cannot fetch submodule vendor\/lib: transport 'file' not allowed; allow it.*\[FANWIRE_COMPARE_CHECKOUT\]$/,
  );
  assert.doesNotMatch(refused.stderr, /^ {4}at /m);
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

test('what git refuses is one line with the mend, exit 2', async (t) => {
  const repository = project(t);
  for (const n of [1, 2]) {
    repository.write('n', String(n));
    repository.commit();
  }
  const cache = join(repository.place, 'cache');
  const refusal = async (folder: string, base: string, env: NodeJS.ProcessEnv = {}): Promise<string> => {
    const { code, stderr, line } = await compare(folder, cache, ['--base', base, '--build', 'true'], env);
    assert.equal(code, 2, stderr);
    assert.equal(stderr, `${line}\n`);
    assert.match(line, /\[FANWIRE_USAGE_SIDE\]$/);
    return line;
  };
  const { folder, place } = repository;
  const shallow = join(place, 'shallow');
  runGit(place, 'clone', '--quiet', '--depth', '1', `file://${folder}`, shallow);
  assert.match(
    await refusal(shallow, 'HEAD~1'),
    /this clone is shallow \(1 commit\) and has no HEAD~1: fetch-depth: 0/,
  );
  assert.match(await refusal(folder, 'mian'), /no branch, tag or commit is called mian; did you mean main\?/);
  assert.match(await refusal(folder, 'HEAD~9'), /the history does not reach back to HEAD~9/);
  assert.match(await refusal(folder, 'f'.repeat(40)), /the clone has no commit f{40}: git fetch origin f{40}/);
  assert.match(await refusal(folder, 'HEAD:n'), /HEAD:n is no commit but a blob/);
  assert.match(await refusal(folder, './nowhere'), /--base "\.\/nowhere" is no folder/);
  runGit(folder, 'remote', 'add', 'upstream', place);
  assert.match(await refusal(folder, 'upstream/next'), /never fetched: git fetch upstream next/);
  const none = join(place, 'none');
  mkdirSync(none);
  assert.match(await refusal(none, 'HEAD'), /not a git repository.*run it in a clone/);
  const empty = constructRepository(t, place, 'empty');
  assert.match(await refusal(empty.folder, 'HEAD'), /the repository has no commit yet/);
  assert.match(await refusal(folder, 'HEAD', { PATH: '/nowhere' }), /there is no git on the PATH; install git/);
  if (process.getuid?.() === 0) {
    const foreign = join(place, 'foreign');
    cpSync(folder, foreign, { recursive: true });
    for (const path of [foreign, join(foreign, '.git')]) chownSync(path, 12345, 12345);
    const line = await refusal(foreign, 'HEAD', { HOME: place });
    assert.match(line, new RegExp(`dubious ownership.*git config --global --add safe.directory ${foreign} `));
  }
});

test('a clone without its blobs fetches them for the checkout, and large files that are pointers are refused', async (t) => {
  const repository = project(t);
  repository.write('.gitattributes', '*.bin filter=lfs\n');
  repository.write('big.bin', 'version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n');
  repository.commit();
  const cache = join(repository.place, 'cache');
  const refused = await compare(repository.folder, cache, ['--base', 'v1', '--head', 'HEAD', '--build', 'true']);
  assert.equal(refused.code, 3);
  assert.match(
    refused.line,
    /1 file of Git LFS cannot be had, such as big.bin: git lfs install.*\[FANWIRE_COMPARE_CHECKOUT\]$/,
  );
  repository.git('config', 'uploadpack.allowFilter', 'true');
  repository.git('config', 'uploadpack.allowAnySHA1InWant', 'true');
  const partial = join(repository.place, 'partial');
  runGit(
    repository.place,
    'clone',
    '--quiet',
    '--no-checkout',
    '--filter=blob:none',
    `file://${repository.folder}`,
    partial,
  );
  const seen = join(repository.place, 'blobs');
  const args = ['--base', 'v1', '--head', 'v1', '--build', `cat server.js >>${seen}`];
  const { line } = await compare(partial, cache, args);
  assert.match(line, /node nope.js/);
  assert.equal(readFileSync(seen, 'utf8'), 'first');
});

test('an interrupt ends a build with all that it started', async (t) => {
  const repository = project(t);
  const pidFile = join(repository.place, 'pid');
  const args = ['--base', 'v1', '--build', `sh -c 'echo $$ >${pidFile}; exec sleep 100' & wait`];
  const child = execFile(process.execPath, [CLI, 'compare', '--cache', join(repository.place, 'cache'), ...args], {
    cwd: repository.folder,
  });
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
  while (!existsSync(pidFile) || readFileSync(pidFile, 'utf8') === '')
    await new Promise((resolve) => setTimeout(resolve, 20));
  signalChild(child, 'SIGINT');
  assert.equal(await ended, 130);
  const pid = Number(readFileSync(pidFile, 'utf8'));
  const isThere = (): boolean => {
    try {
      return !/^State:\s+Z/m.test(execFileSync('cat', [`/proc/${pid}/status`], { encoding: 'utf8', stdio: 'pipe' }));
    } catch {
      return false;
    }
  };
  while (isThere()) await new Promise((resolve) => setTimeout(resolve, 20));
});

test('a linked work tree and a sparse one are built whole, with what is changed in them; a bare repository is refused', async (t) => {
  const repository = project(t);
  repository.write('docs/a.md', 'text');
  repository.commit();
  repository.git('worktree', 'add', '--quiet', '../linked');
  const linked = { ...repository, folder: join(repository.place, 'linked') };
  writeFileSync(join(linked.folder, 'server.js'), 'changed here');
  const [, head] = await builds(linked, ['--base', 'v1'], 'cat server.js; echo; ls');
  assert.deepEqual(head, ['changed here', 'docs', 'package.json', 'server.js']);
  repository.git('sparse-checkout', 'set', '--no-cone', 'docs');
  assert.ok(!existsSync(join(repository.folder, 'server.js')));
  repository.write('new.js', 'untracked, outside of the cone');
  const [whole] = await builds(repository, ['--base', '.', '--head', 'v1'], 'ls');
  assert.deepEqual(whole, ['docs', 'new.js', 'package.json', 'server.js']);
  runGit(repository.place, 'clone', '--quiet', '--bare', repository.folder, 'bare');
  const cache = join(repository.place, 'cache');
  const bare = await compare(join(repository.place, 'bare'), cache, ['--base', 'v1', '--head', 'main']);
  assert.equal(bare.code, 3);
  assert.match(bare.line, /must be run in a work tree; a bare repository has no files to stand in/);
});
