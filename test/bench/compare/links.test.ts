// Nothing that a side's build or server does leaves its own folder: links that lead out of it, variables that name the
// user's folder.
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { builds, compare, project } from '../../support/built-sides.js';
import { constructRepository } from '../../support/constructed-repository.js';
import { testNeeding } from '../../support/needs.js';

const test = testNeeding('git');

test('a build writes through no link that leads out: a commit’s, an untracked one, a submodule’s, of a link’s content', async (t) => {
  const repository = project(t);
  const at = (...names: string[]): string => join(repository.place, ...names);
  const inRepository = (...names: string[]): string => join(repository.folder, ...names);
  mkdirSync(at('shared/deep'), { recursive: true });
  for (const file of ['config.js', 'shared/lib.js', 'other.js']) writeFileSync(at(file), 'original');
  symlinkSync(at('other.js'), at('shared/deep/other.js'));
  symlinkSync(inRepository('server.js'), at('shared/deep/back.js'));
  symlinkSync(at('config.js'), inRepository('config.js'));
  mkdirSync(inRepository('packages/a'), { recursive: true });
  symlinkSync('../../../shared', inRepository('packages/a/shared'));
  symlinkSync('packages/a/shared/deep', inRepository('through'));
  symlinkSync(inRepository('server.js'), inRepository('own.js'));
  symlinkSync('../repository/server.js', inRepository('out-and-in.js'));
  const inner = constructRepository(t, repository.place, 'inner');
  inner.write('inner.js', 'original');
  symlinkSync('../../other.js', join(inner.folder, 'outside.js'));
  symlinkSync('../server.js', join(inner.folder, 'beside.js')); // of the repository that holds it
  inner.commit();
  repository.git('submodule', '--quiet', 'add', inner.folder, 'sub');
  repository.commit();
  symlinkSync(at('other.js'), inRepository('untracked.js'));
  const files = [
    'config.js',
    'packages/a/shared/lib.js',
    'through/other.js',
    'sub/outside.js',
    'own.js',
    'out-and-in.js',
    'through/back.js',
    'sub/beside.js',
  ];
  const see = `cat ${files.join(' ')}; cat untracked.js 2>/dev/null; echo; for one in ${files.join(' ')} untracked.js; do echo patched >$one; done; cat server.js`;
  const [base, head] = await builds(repository, ['--base', 'HEAD'], see);
  const words = `${'original'.repeat(4)}${'first'.repeat(4)}`;
  assert.deepEqual(base, [words, 'patched'], 'links to the repository’s own files are links to the side’s own');
  assert.deepEqual(head, [`${words}original`, 'patched']);
  for (const file of ['config.js', 'shared/lib.js', 'other.js', 'inner/inner.js'])
    assert.equal(readFileSync(at(file), 'utf8'), 'original', file);
  for (const file of ['server.js', 'sub/inner.js'])
    assert.notEqual(readFileSync(inRepository(file), 'utf8'), 'patched\n', file);
});

test('a link that dangles, leads up or to a device breaks no checkout, and makes no file outside', async (t) => {
  const repository = project(t);
  const at = (...names: string[]): string => join(repository.folder, ...names);
  symlinkSync(join(repository.place, 'nowhere.js'), at('absolute'));
  symlinkSync('../nowhere.js', at('relative'));
  symlinkSync('dist/later.js', at('inside'));
  symlinkSync(at('dist/later.js'), at('own'));
  symlinkSync('round', at('round'));
  symlinkSync('..', at('up'));
  symlinkSync('/', at('root'));
  symlinkSync('/dev/null', at('null'));
  repository.commit();
  const args = [
    '--base',
    'HEAD',
    '--build',
    'mkdir dist; for one in absolute relative inside own up/x root/x null; do echo made >$one; done; cat inside',
  ];
  const { code, stderr } = await compare(repository.folder, join(repository.place, 'cache'), args);
  assert.equal(code, 3);
  assert.match(stderr, /link up leads to .*, which holds the folder itself: it leads nowhere/);
  assert.match(stderr, /`node nope.js` ended with exit code 1 before it listened/);
  assert.deepEqual(readdirSync(repository.place).sort(), ['cache', 'repository']);
  assert.ok(!existsSync(at('dist')));
  assert.ok(!existsSync('/x'));
});

test('a side that has files from outside is built anew by the next comparison, which finds them as they are then', async (t) => {
  const repository = project(t);
  const outside = join(repository.place, 'outside.js');
  writeFileSync(outside, 'first of all');
  symlinkSync('../outside.js', join(repository.folder, 'link.js'));
  repository.commit();
  const see = 'cat link.js; echo';
  assert.deepEqual(await builds(repository, ['--base', 'HEAD'], see), [['first of all']]);
  writeFileSync(outside, 'then this');
  assert.deepEqual(await builds(repository, ['--base', 'HEAD'], see), [['then this']]);
});

test('variables that name the user’s folder name the side’s own: a build that goes there stays inside', async (t) => {
  const repository = project(t);
  repository.write('lib/hook.js', 'first');
  repository.commit();
  repository.write('.gitignore', 'dist\nnode_modules\n.venv\n');
  repository.write('.venv/bin/python', 'of the user');
  const { folder, place } = repository;
  const env = {
    GITHUB_WORKSPACE: folder,
    PYTHONPATH: `${folder}/lib:/elsewhere`,
    FLAGS: `--require=${folder}/lib/hook.js`,
    VENV: `${folder}/.venv`,
    OTHER: `${folder}-other`,
  };
  const file = join(place, 'seen');
  const build = `cd $GITHUB_WORKSPACE && echo x >written && echo "$PWD $PYTHONPATH $FLAGS $VENV $OTHER" >>${file}`;
  const { stderr } = await compare(folder, join(place, 'cache'), ['--base', 'HEAD', '--build', build], env);
  const lines = readFileSync(file, 'utf8').trim().split('\n');
  assert.equal(lines.length, 2, stderr);
  for (const line of lines) {
    const [at = '', python, flags, venv, other] = line.split(' ');
    assert.match(at, /\/cache\/.*\/tree$/);
    assert.deepEqual([python, flags], [`${at}/lib:/elsewhere`, `--require=${at}/lib/hook.js`]);
    assert.deepEqual([venv, other], [`${folder}/.venv`, `${folder}-other`]);
  }
  assert.ok(!existsSync(join(folder, 'written')));
});
