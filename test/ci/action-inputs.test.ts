// What the action makes of inputs that are more than a word: lists of flags, and blocks of YAML.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import test from 'node:test';
import { actionFolder, use } from '../support/action-use.js';

test('the action takes args as a shell takes words, and blocks of YAML as inputs', (t) => {
  const folder = actionFolder(t);
  const words = (args: string): string[] => {
    const { status, argv, stderr } = use(folder, { ARGS: args }, { status: 0 });
    assert.equal(status, 0, stderr);
    return argv.slice(argv.indexOf('--junit') + 2);
  };
  const cases = [
    `--start "node \\"a b\\".js \\$HOME \\\\ \\n" 'it'"'"'s' --x=a\\ b ''`,
    '--seed 7 \\\n  --pairs 4\n',
    '--header "one\ntwo" "joi\\\nned" ünï 😀 -- -n',
  ];
  for (const args of cases) {
    const shell = execFileSync('bash', ['-c', `printf '%s\\0' ${args}`], { encoding: 'utf8' });
    assert.deepEqual(words(args), shell.split('\0').slice(0, -1), args);
  }
  for (const args of ['--x "y', "--x 'y", '--x y\\']) {
    const { status, stderr } = use(folder, { ARGS: args }, { status: 0 });
    assert.equal(status, 2);
    assert.match(
      stderr,
      /^::error title=load regression::args has a quote that does not end, or a backslash at its end$/m,
    );
  }
  const built = (install: string, build: string): string | undefined => {
    const { argv } = use(folder, { INSTALL: install, BUILD: build, START: 'node s.js\n' }, { status: 0 });
    assert.equal(argv[argv.indexOf('--start') + 1], 'node s.js');
    return argv[argv.indexOf('--build') + 1];
  };
  assert.equal(built('npm ci\n', 'make\n'), 'npm ci && make');
  assert.equal(built('npm ci # fast', 'make'), 'npm ci # fast\nmake');
  assert.equal(built('npm ci\nnpm test\n', ''), 'npm ci\nnpm test');
});
