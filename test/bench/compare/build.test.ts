// How a side is built: what it leaves running, what it writes, and when a checkout that is there may be used again.
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { defaultBuild, runBuild } from '../../../bench/compare/sides/build.js';
import { builds, compare, project } from '../../support/built-sides.js';
import { runGit, temporaryFolder } from '../../support/constructed-repository.js';
import { testNeeding } from '../../support/needs.js';

const test = testNeeding('git');

function build(folder: string, command: string): Promise<void> {
  const log = join(folder, 'build.log');
  const place = { folder, top: folder, original: '' };
  return runBuild({ label: 'x', command, place, log, signal: new AbortController().signal });
}

function isRunning(pid: string): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

test('what a build leaves running ends with it, and its output keeps nobody waiting', async (t) => {
  const folder = temporaryFolder(t);
  await build(folder, 'sleep 300 & echo $! >pid');
  const pid = readFileSync(join(folder, 'pid'), 'utf8').trim();
  // SIGKILL takes a moment; where the process does not end, this does not either.
  while (isRunning(pid)) await sleep(10);
});

test('a build that writes 100 MB and fails says its last line, and one that asks gets no answer', async (t) => {
  const folder = temporaryFolder(t);
  await assert.rejects(build(folder, 'yes | head -c 100000000; echo Error: the reason >&2; exit 4'), {
    code: 'FANWIRE_COMPARE_BUILD',
    message: /failed \(4\): Error: the reason \(all it wrote: /,
  });
  await assert.rejects(
    build(folder, 'read answer || { echo Error: nobody answers; exit 5; }'),
    /failed \(5\): Error: nobody/,
  );
});

test('a build of several lines ends at the first that fails, and is one line where it is told', async (t) => {
  const repository = project(t);
  const build = '  echo never mind\n  false\n  true\n';
  const cache = join(repository.place, 'cache');
  const { code, stderr, line } = await compare(repository.folder, cache, ['--base', 'v1', '--build', build]);
  assert.equal(code, 3);
  assert.match(line, /building v1 .* with "echo never mind; false; true" failed \(1\): never mind \(all it wrote/);
  assert.match(stderr, /^compare: building v1 \(\w+\): echo never mind; false; true$/m);
});

test('a package manager that is not there is told with the mend', async (t) => {
  await assert.rejects(
    build(temporaryFolder(t), 'pnpm() { echo "sh: 1: pnpm: not found" >&2; return 127; }; pnpm install'),
    /failed \(127\): sh: 1: pnpm: not found; install it, or say with --build how it is built/,
  );
});

test('the build that a lock file and package.json mean', (t) => {
  const of = (files: Readonly<Record<string, string>>): string => {
    const folder = temporaryFolder(t);
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
    return defaultBuild(folder, folder);
  };
  const scripts = '"scripts":{"build":"x","prepare":"npm run build"}';
  const npm = 'npm ci --no-audit --no-fund';
  assert.equal(of({ 'package.json': `{${scripts}}`, 'package-lock.json': '{}' }), npm, 'prepare has built it');
  const berry = { 'package.json': `{${scripts}}`, 'yarn.lock': '', '.yarnrc.yml': '' };
  assert.equal(of(berry), 'yarn install --immutable && yarn run build', 'which has no prepare');
  const silent = { 'package.json': `{${scripts}}`, 'package-lock.json': '{}', '.npmrc': 'ignore-scripts=true\n' };
  assert.equal(of(silent), `${npm} && npm run build`);
  const two = { 'package.json': '{"packageManager":"pnpm@9.1.0"}', 'package-lock.json': '{}', 'pnpm-lock.yaml': '' };
  assert.equal(of(two), 'pnpm install --frozen-lockfile');
  assert.equal(of({ 'package.json': '{"scripts":null}' }), '');
  for (const broken of ['{"name":', 'null', '[]']) {
    assert.throws(() => of({ 'package.json': broken }), {
      code: 'FANWIRE_COMPARE_BUILD',
      message: /is no JSON object/,
    });
  }
});

test('a build sees its variables: with another value of one that it names it is built again', async (t) => {
  const repository = project(t);
  const cache = join(repository.place, 'cache');
  const seen = join(repository.place, 'seen');
  const args = ['--base', 'v1', '--head', 'v1', '--build', `echo "$FLAVOUR" >>${seen}`];
  for (const FLAVOUR of ['one', 'two', 'one']) await compare(repository.folder, cache, args, { FLAVOUR });
  assert.equal(readFileSync(seen, 'utf8'), 'one\ntwo\n');
});

test('dependencies that nothing locks are those of the same day for both sides: built anew by each comparison', async (t) => {
  const repository = project(t);
  repository.write('package.json', '{"name":"x","dependencies":{"y":"*"}}');
  repository.commit();
  const see = 'echo built';
  assert.equal((await builds(repository, ['--base', 'HEAD', '--head', 'HEAD'], see)).length, 1, 'once for both');
  assert.equal((await builds(repository, ['--base', 'HEAD', '--head', 'HEAD'], see)).length, 1);
  repository.write('package-lock.json', '{}');
  repository.commit();
  assert.equal((await builds(repository, ['--base', 'HEAD', '--head', 'HEAD'], see)).length, 1);
  assert.equal((await builds(repository, ['--base', 'HEAD', '--head', 'HEAD'], see)).length, 0, 'locked');
});

test('a link to node_modules is as ignored as the folder that git is told to ignore', async (t) => {
  const repository = project(t);
  repository.write('.gitignore', 'dist/\nnode_modules/\n');
  repository.commit();
  for (const name of ['node_modules', 'dist']) {
    const elsewhere = join(repository.place, `shared-${name}`);
    mkdirSync(elsewhere);
    writeFileSync(join(elsewhere, 'kept'), '');
    symlinkSync(elsewhere, join(repository.folder, name));
  }
  symlinkSync('server.js', join(repository.folder, 'link.js'));
  const [base, head] = await builds(repository, ['--base', 'v1', '--head', '.'], 'ls -A; rm -rf node_modules/* dist/*');
  assert.ok(base !== undefined && head?.includes('link.js'));
  assert.deepEqual(
    head?.filter((name) => name === 'node_modules' || name === 'dist'),
    [],
  );
  assert.ok(existsSync(join(repository.place, 'shared-node_modules/kept')));
});

test('a repository whose path has colons, quotes and spaces, with changes, inside of an odd environment', async (t) => {
  const place = temporaryFolder(t);
  const folder = join(place, 'a: "b" \'c\' ü $(touch owned)');
  const repository = project(t, place, 'a: "b" \'c\' ü $(touch owned)');
  repository.write('new.txt', 'x');
  const seen = join(place, 'seen');
  const env = { GIT_LITERAL_PATHSPECS: '1', GIT_DIR: join(folder, '.git'), GIT_INDEX_FILE: 'nowhere' };
  const args = ['--base', 'v1', '--head', '.', '--build', `ls >>${seen}`];
  const { code, stderr } = await compare(folder, join(place, 'cache'), args, env);
  assert.equal(code, 3, stderr);
  assert.match(stderr, /`node nope.js` ended with exit code 1/);
  assert.match(readFileSync(seen, 'utf8'), /new\.txt/);
});

test('what keeps a folder from being read as it is, is one line with the mend', async (t) => {
  const repository = project(t);
  mkdirSync(join(repository.folder, 'inner'));
  runGit(join(repository.folder, 'inner'), 'init', '--quiet');
  const { code, line } = await compare(repository.folder, join(repository.place, 'cache'), [
    '--base',
    'v1',
    '--build',
    'true',
  ]);
  assert.equal(code, 3);
  assert.match(
    line,
    /'inner\/' does not have a commit checked out; commit in that repository, or let this one ignore it/,
  );
  assert.ok(!line.includes('adding files failed'));
});

test('a pointer of Git LFS is refused wherever the attribute stands', async (t) => {
  const repository = project(t);
  repository.write('assets/.gitattributes', '*.bin filter=lfs\n');
  repository.write('assets/a.bin', 'version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n');
  repository.commit();
  const { code, line } = await compare(repository.folder, join(repository.place, 'cache'), [
    '--base',
    'HEAD',
    '--build',
    'true',
  ]);
  assert.equal(code, 3);
  assert.match(line, /1 file of Git LFS cannot be had, such as assets\/a\.bin/);
});
