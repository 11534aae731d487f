// The script of the action as a job runs it, with a stub in fanwire's place.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';

const ACTION = fileURLToPath(new URL('../../../.github/actions/load-regression/action.yml', import.meta.url));

export const ACTION_TEXT = readFileSync(ACTION, 'utf8');

/** The first `run: |` behind `mark`, without its indentation. */
export function scriptOf(text: string, mark: string): string {
  const script = /run: \|\n((?: {8,10}.*\n)+)/.exec(text.slice(text.indexOf(mark)))?.[1] ?? '';
  const indent = /^ */.exec(script)?.[0] ?? '';
  return script.replace(new RegExp(`^${indent}`, 'gm'), '');
}

export interface Use {
  readonly status: number | null;
  readonly stderr: string;
  readonly argv: string[];
  readonly outputs: Record<string, string>;
}

/** One use of the action in `folder`, whose fanwire is a stub that leaves with `status` and writes `verdict`, if
 *  any. */
export function use(folder: string, inputs: Record<string, string>, stub: { status: number; verdict?: string }): Use {
  const program = `const fs = require('fs'); const argv = process.argv.slice(2); fs.writeFileSync('argv.json', JSON.stringify(argv));
    const file = argv[argv.indexOf('--json') + 1]; if (${JSON.stringify(stub.verdict ?? '')})
    fs.writeFileSync(file, JSON.stringify({ verdict: ${JSON.stringify(stub.verdict ?? '')} }));
    console.error('compare: building'); if (${stub.status} === 3) console.error('fanwire: nothing was measured: 100% busy [FANWIRE_X]');
    process.exit(${stub.status})`;
  writeFileSync(join(folder, 'stub.js'), program);
  const output = join(folder, 'output');
  rmSync(output, { force: true });
  const env = {
    PATH: process.env.PATH ?? '',
    FANWIRE: 'node stub.js',
    RUNNER_TEMP: folder,
    GITHUB_OUTPUT: output,
    ...{ BASE: '', DEFAULT_BASE: '', HEAD_SIDE: '.', BUDGET: '', SCENARIO: 'fan-out', SUITE: '', MAX_MINUTES: '5' },
    ...{ INSTALL: '', BUILD: '', START: '', ARGS: '', ALLOW_UNMEASURED: 'false', ARTIFACT: '', PULL_REQUEST: '' },
    ...inputs,
  };
  const script = scriptOf(ACTION_TEXT, 'id: compare');
  const { status, stderr } = spawnSync('bash', ['-euo', 'pipefail', '-c', script], {
    cwd: folder,
    env,
    encoding: 'utf8',
  });
  const lines = existsSync(output) ? readFileSync(output, 'utf8').trim().split('\n') : [];
  const outputs = Object.fromEntries(
    lines.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
  );
  return { status, stderr, argv: JSON.parse(readFileSync(join(folder, 'argv.json'), 'utf8')), outputs };
}

export function actionFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'fanwire-action-'));
  t.after(() => rmSync(folder, { recursive: true }));
  return folder;
}
