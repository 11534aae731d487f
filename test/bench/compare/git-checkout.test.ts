// Checkouts of unusual repositories (submodules, large files, partial, sparse, linked, bare), and git's refusals in one
// line.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { builds, compare, project } from '../../support/built-sides.js';
import { constructRepository, runGit, temporaryFolder } from '../../support/constructed-repository.js';
import { testNeeding } from '../../support/needs.js';

const test = testNeeding('git');

/** A repository with another one, `library`, at vendor/lib. */
function withSubmodule(t: TestContext) {
  const place = temporaryFolder(t);
  const library = constructRepository(t, place, 'library');
  library.write('lib.js', 'library 1');
  library.commit();
  const repository = constructRepository(t, place);
  repository.git('submodule', '--quiet', 'add', '../library', 'vendor/lib');
  repository.write('package.json', '{"name":"x"}');
  repository.commit();
  return { place, library, repository };
}

test('submodules: of a commit at the commit it names, of the work tree as they stand, changes and all', async (t) => {
  const { place, repository } = withSubmodule(t);
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

test('a commit of a submodule that its repository lacks, and a repository that is gone, are one line with the mend', async (t) => {
  const { place, library, repository } = withSubmodule(t);
  repository.write('vendor/lib/lib.js', 'never pushed');
  runGit(join(repository.folder, 'vendor/lib'), 'commit', '--quiet', '--all', '-m', 'x');
  repository.commit();
  runGit(place, 'clone', '--quiet', repository.folder, 'clone');
  const allowed = { GIT_CONFIG_COUNT: '1', GIT_CONFIG_KEY_0: 'protocol.file.allow', GIT_CONFIG_VALUE_0: 'always' };
  const play = () =>
    compare(join(place, 'clone'), join(place, 'cache'), ['--base', 'HEAD', '--build', 'true'], allowed);
  const refused = await play();
  assert.equal(refused.code, 3, refused.stderr);
  assert.match(refused.line, /not our ref .*; the repository that it comes from has no such commit: push it there/);
  rmSync(library.folder, { recursive: true });
  assert.match((await play()).line, /repository '.*library' does not exist; is its URL in \.gitmodules right\?/);
});

test('the work tree is what lies there, whatever git was told to overlook or to refuse; no program of the user’s is asked', async (t) => {
  const repository = project(t);
  for (const name of ['assumed', 'skipped', 'gone', 'lines']) repository.write(name, 'committed\n');
  repository.commit();
  repository.git('tag', 'v2');
  repository.git('update-index', '--assume-unchanged', 'assumed');
  repository.git('update-index', '--skip-worktree', 'skipped', 'gone');
  for (const name of ['assumed', 'skipped']) repository.write(name, 'changed\n');
  rmSync(join(repository.folder, 'gone'));
  repository.git('config', 'core.autocrlf', 'true');
  repository.git('config', 'core.safecrlf', 'true');
  repository.write('lines', 'more\n');
  const asked = join(repository.place, 'asked');
  repository.write('../monitor', `#!/bin/sh\necho $0 >>${asked}\nexit 1\n`);
  chmodSync(join(repository.place, 'monitor'), 0o755);
  repository.git('config', 'core.fsmonitor', join(repository.place, 'monitor'));
  const see = "cat assumed skipped gone lines | tr -d '\\r'";
  const [base, head] = await builds(repository, ['--base', 'v2'], see);
  assert.deepEqual(base, ['committed', 'committed', 'committed', 'committed']);
  assert.deepEqual(head, ['changed', 'changed', 'committed', 'more']);
  assert.ok(!existsSync(asked));
  const { line } = await compare(repository.folder, join(repository.place, 'cache'), ['--base', 'v2', '--build', see]);
  assert.match(line, /this folder \(\w+ with changes: 3 changed\)/);
  assert.match(repository.git('ls-files', '-v'), /^h assumed$/m, 'theirs is as it was');
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
  assert.match(await refusal(folder, 'origin/elsewhere'), /this repository has no remote origin: git remote add/);
  const clone = join(place, 'clone');
  runGit(place, 'clone', '--quiet', folder, clone);
  assert.match(await refusal(clone, 'v9.0'), /is called v9\.0; where origin has it: git fetch --tags origin/);
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

test('a clone that belongs to another user and is trusted has its submodules, without a network', async (t) => {
  if (process.getuid?.() !== 0) {
    t.diagnostic('only root can give a folder away');
    return;
  }
  const { place, library, repository } = withSubmodule(t);
  execFileSync('chown', ['-R', '12345', repository.folder]);
  rmSync(library.folder, { recursive: true });
  const [home, seen] = [join(place, 'home'), join(place, 'seen')];
  mkdirSync(home);
  writeFileSync(join(home, '.gitconfig'), `[safe]\n\tdirectory = ${repository.folder}\n`);
  const sides = ['--base', 'main', '--head', 'HEAD', '--build', `cat vendor/lib/lib.js >${seen}`];
  const trusted = await compare(repository.folder, join(place, 'cache'), sides, { HOME: home });
  assert.match(trusted.line, /node nope.js/);
  assert.equal(readFileSync(seen, 'utf8'), 'library 1');
  const folder = await compare(repository.folder, join(place, 'cache'), ['--base', 'main'], { HOME: home });
  assert.match(
    folder.line,
    /dubious ownership in repository at '.*vendor\/lib'; trust it: .*\[FANWIRE_COMPARE_CHECKOUT\]$/,
  );
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

test('a linked work tree and a sparse one are built whole, with what is changed in them; of a bare repository its commits are', async (t) => {
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
  const bare = { ...repository, folder: join(repository.place, 'bare') };
  const [v1, main] = await builds(bare, ['--base', 'v1', '--head', 'main'], 'ls | cat');
  assert.deepEqual(
    [v1, main],
    [
      ['package.json', 'server.js'],
      ['docs', 'package.json', 'server.js'],
    ],
  );
  const none = await compare(bare.folder, cache, ['--base', 'v1']);
  assert.equal(none.code, 3);
  assert.match(none.line, /must be run in a work tree; a bare repository has no files to stand in/);
});

test('a ref may hold spaces, and one that git only guesses at is refused', async (t) => {
  const repository = project(t);
  repository.write('server.js', 'second');
  repository.commit('mend the server');
  for (const base of ['HEAD^{/mend the server}', ':/mend the server', ':/mend', 'main@{0}']) {
    const [first] = await builds(repository, ['--base', base, '--head', 'v1'], 'cat server.js');
    assert.deepEqual(first, ['second'], base);
    rmSync(join(repository.place, 'cache'), { recursive: true });
  }
  const refusal = async (base: string): Promise<string> => {
    const { code, line } = await compare(repository.folder, join(repository.place, 'cache'), ['--base', base]);
    assert.equal(code, 2, line);
    return line;
  };
  // git answers with the oldest that its log has, and a warning.
  assert.match(await refusal('main@{1 week ago}'), /log for 'main' only goes back to .*: name a commit/);
  assert.match(await refusal(':/never said this'), /is no ws:\/\/ URL, no folder.*no commit: /);
});

test('attributes that only the clone has decide what a checkout holds, and are part of what it is known by', async (t) => {
  const repository = project(t);
  repository.write('text.txt', 'a\n');
  repository.commit();
  const seeLength = 'wc -c <text.txt';
  const both = ['--base', 'HEAD', '--head', 'v1'];
  const [plain] = await builds(repository, both, `${seeLength} 2>&1`);
  assert.deepEqual(plain, ['2']);
  mkdirSync(join(repository.folder, '.git/info'), { recursive: true });
  writeFileSync(join(repository.folder, '.git/info/attributes'), '*.txt text eol=crlf\n');
  const [converted] = await builds(repository, both, `${seeLength} 2>&1`);
  assert.deepEqual(converted, ['3']);
});
