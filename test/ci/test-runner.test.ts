// `npm test` itself: no test outlives its limit unnamed, and what is left out is said, or fails where nothing may be.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { leftOutLines, unexpectedlyLeftOut } from '../support/runner/left-out.js';

const LIMITS = new URL('../support/runner/limits.js', import.meta.url).href;

/** Plays a test file of this source under the limits of `npm test`; what was printed, and the exit code. */
async function played(
  t: TestContext,
  source: string,
  variables: Record<string, string> = {},
): Promise<{ output: string; code: number | null }> {
  const folder = mkdtempSync(join(tmpdir(), 'fanwire-runner-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
  writeFileSync(join(folder, 'one.test.js'), source);
  const { NODE_TEST_CONTEXT: _, ...inherited } = process.env;
  const env = { ...inherited, FANWIRE_TEST_GRACE_MS: '1500', FANWIRE_TEST_IDLE_MS: '3000', ...variables };
  const args = ['--test', '--import', LIMITS, '--test-reporter', 'tap', join(folder, 'one.test.js')];
  const child = spawn(process.execPath, args, { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += chunk));
  const [code] = await once(child, 'close');
  return { output, code: code as number | null };
}

test('a test that never ends is ended by its limit and named, and those after it run', async (t) => {
  const { output, code } = await played(
    t,
    `import { test } from 'node:test';
    test('waits for ever', { timeout: 500 }, async (t) => {
      const held = setInterval(() => {}, 1000);
      t.after(() => clearInterval(held));
      await new Promise(() => {});
    });
    test('runs all the same', () => {});`,
  );
  assert.equal(code, 1, output);
  assert.match(output, /^not ok 1 - waits for ever$/m);
  assert.match(output, /timed out after 500ms/);
  assert.match(output, /^ok 2 - runs all the same$/m);
});

test('a test that blocks its thread is ended with what it started, and named', async (t) => {
  const { output, code } = await played(
    t,
    `import test from 'node:test';
    import { execFileSync } from 'node:child_process';
    test('blocks', { timeout: 500 }, () => execFileSync('sleep', ['600']));`,
  );
  assert.equal(code, 1, output);
  assert.match(output, /one\.test\.js: "blocks" did not end within its limit of 0\.5 s and blocks its thread: ended/);
});

test('a file that stays for what its tests left open is ended, and the last test is named', async (t) => {
  const { output, code } = await played(
    t,
    `import { describe, it } from 'node:test';
    describe('a suite', () => {
      it('leaves a timer', () => { setInterval(() => {}, 1000); });
    });`,
  );
  assert.equal(code, 1, output);
  assert.match(
    output,
    /nothing has run for 3 s since "leaves a timer", and something that was left open keeps the process: ended/,
  );
});

test('a test that could not start a program which is not installed is left out, also one within another', async (t) => {
  const { output, code } = await played(
    t,
    `import test from 'node:test';
    import { execFileSync } from 'node:child_process';
    test('checks rules', () => execFileSync('promtool', ['--version']));
    test('outer', async (t) => { await t.test('inner', async () => execFileSync('promtool')); });
    test('fails', () => execFileSync('no-such-program'));`,
    { PATH: '/nowhere' },
  );
  assert.equal(code, 1, output);
  assert.match(output, /^ok 1 - checks rules # SKIP promtool is not installed: (apt-get|brew) install prometheus$/m);
  assert.match(output, /ok 1 - inner # SKIP promtool is not installed/);
  assert.match(output, /^not ok 3 - fails$/m);
});

const NATS = { file: 'x', reason: 'nats-server is not installed: apt-get install nats-server' };

test('the last lines count what was left out by reason, the most frequent first', () => {
  const skipped = [
    { name: 'a', file: 'x', reason: 'k6 is neither on PATH nor in K6_BIN' },
    { name: 'b', ...NATS },
    { name: 'c', ...NATS },
  ];
  assert.deepEqual(leftOutLines(skipped), [
    '',
    '3 tests were left out:',
    '  2  nats-server is not installed: apt-get install nats-server',
    '  1  k6 is neither on PATH nor in K6_BIN',
  ]);
  assert.deepEqual(leftOutLines([]), ['', 'No test was left out.']);
});

test('with CI=true every reason is a failure but those that were named', () => {
  const skipped = [
    { name: 'a', file: 'x', reason: 'k6 is neither on PATH nor in K6_BIN' },
    { name: 'b', ...NATS },
  ];
  assert.deepEqual(unexpectedlyLeftOut(skipped), skipped);
  assert.deepEqual(unexpectedlyLeftOut(skipped, 'k6, Go is'), [skipped[1]]);
  assert.deepEqual(unexpectedlyLeftOut(skipped, ' , '), skipped);
});
