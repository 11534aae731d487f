// What is played is what is there, whatever git or the command line say of another place or time.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { commandIn } from '../../../bench/compare/sides/side-environment.js';
import { builds, compare, project } from '../../support/built-sides.js';
import { temporaryFolder } from '../../support/constructed-repository.js';
import { testNeeding } from '../../support/needs.js';

const test = testNeeding('git');

test('a server that is started by its path in the user’s folder is the side’s own; a build that goes there is told', async (t) => {
  const repository = project(t);
  const { folder, place } = repository;
  repository.write('dist/nope.js', "throw Error('of the user')");
  const build = `mkdir dist && ls ${folder}/server.js && echo "throw Error(process.argv[1])" >dist/nope.js`;
  const args = ['--base', 'HEAD', '--build', build, '--start', `node ${folder}/dist/nope.js`];
  const { code, stderr, line } = await compare(folder, join(place, 'cache'), args);
  assert.equal(code, 3);
  assert.match(stderr, /--build names .*repository by its path: that is your folder/);
  assert.match(line, /before it listened: Error: .*\/cache\/.*\/tree\/dist\/nope.js/);
  assert.equal(readFileSync(join(folder, 'dist/nope.js'), 'utf8'), "throw Error('of the user')");
});

test('a file that git was told not to look at is part of the folder as it stands', async (t) => {
  const repository = project(t);
  repository.write('skipped.js', 'first');
  repository.commit();
  repository.git('update-index', '--assume-unchanged', 'server.js');
  repository.git('update-index', '--skip-worktree', 'skipped.js');
  repository.write('server.js', 'second');
  repository.write('skipped.js', 'second');
  const [base, head] = await builds(repository, ['--base', 'HEAD'], 'cat server.js skipped.js; echo');
  assert.deepEqual([base, head], [['firstfirst'], ['secondsecond']]);
  assert.match(repository.git('ls-files', '-v', 'server.js'), /^h/, 'the user’s own index stays as it is');
});

test('settings of the user that decide which bytes a checkout has make another checkout', async (t) => {
  const repository = project(t);
  repository.write('lines.txt', 'a\nb\n');
  repository.commit();
  const { folder, place } = repository;
  const [seen, global] = [join(place, 'seen'), join(place, 'gitconfig')];
  const play = async (settings: string, env: NodeJS.ProcessEnv = {}): Promise<number> => {
    writeFileSync(global, settings);
    const args = ['--base', 'HEAD', '--head', 'HEAD', '--build', `wc -c <lines.txt >>${seen}`];
    await compare(folder, join(place, 'cache'), args, { GIT_CONFIG_GLOBAL: global, ...env });
    return readFileSync(seen, 'utf8').trim().split('\n').length;
  };
  assert.equal(await play(''), 1);
  assert.equal(await play('[core]\n\tautocrlf = true\n'), 2);
  assert.equal(readFileSync(seen, 'utf8'), '4\n6\n');
  assert.equal(await play('', { GIT_LFS_SKIP_SMUDGE: '1' }), 3);
  assert.equal(await play(''), 3, 'and the one of before is there still');
});

test('a folder whose .git leads nowhere is told, not copied with whatever lies about in it', async (t) => {
  const repository = project(t);
  repository.git('worktree', 'add', '--quiet', '../tree', 'v1');
  const moved = join(repository.place, 'moved');
  renameSync(repository.folder, moved);
  const refused = await compare(moved, join(repository.place, 'cache'), [
    '--base',
    'HEAD',
    '--head',
    join(repository.place, 'tree'),
  ]);
  assert.equal(refused.code, 3, refused.stderr);
  assert.match(
    refused.line,
    /cannot check out .*tree: not a git repository: .*; its .git names a folder that is not there/,
  );
});

test('a name that is no UTF-8 breaks no checkout', async (t) => {
  const repository = project(t);
  execFileSync('sh', ['-c', `d=$(printf 'caf\\351'); mkdir $d && echo x >$d/f && ln -s f $d/l && cp -r $d "$d 2"`], {
    cwd: repository.folder,
  });
  repository.commit();
  const [base] = await builds(repository, ['--base', 'HEAD'], 'cat caf*/l');
  assert.deepEqual(base, ['x', 'x']);
});

test('a path to the user’s folder is found however a command writes it', (t) => {
  const top = temporaryFolder(t);
  const place = { folder: top, top, original: '/home/me/relay' };
  const env = { HOME: '/home/me', GITHUB_WORKSPACE: '/home', HOME_DIR: '/home/me' };
  for (const [command, expected] of [
    ['node ~/relay/node_modules/a.js', `node ${top}/node_modules/a.js`],
    ['ls "$HOME"/relay/node_modules', `ls "${top}"/node_modules`],
    [`A=\${GITHUB_WORKSPACE}/me/relay/node_modules b`, `A=${top}/node_modules b`],
    ['$HOME_DIR/relay/node_modules/x', `${top}/node_modules/x`],
    ['$HOME/relay-2/node_modules ~/relay/.venv/bin/x', '$HOME/relay-2/node_modules /home/me/relay/.venv/bin/x'],
    ['$HOMER/relay/node_modules x~/relay', '$HOMER/relay/node_modules x~/relay'],
  ] as const) {
    assert.equal(commandIn(place, command, env), expected, command);
  }
});
