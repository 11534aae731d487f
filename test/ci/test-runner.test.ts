// `npm test` itself: no test outlives its limit unnamed, what failed is played again and must fail again where it can,
// and what is left out is said, or fails where nothing may be.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import fc from 'fast-check';
import { passedAgainLines, variablesAgain } from '../support/runner/again.js';
import { leftOutLines, unexpectedlyLeftOut } from '../support/runner/left-out.js';
import { ALONE, inOrder, LONGEST } from '../support/runner/order.js';
import { play, playAgain } from '../support/runner/play.js';
import { countLines, failureLines } from '../support/runner/summary.js';
import { type PlayedFile, TESTS } from '../support/runner/test-file.js';

const LIMITS = new URL('../support/runner/limits.js', import.meta.url).href;

/** A test file of this source. */
function fileWith(t: TestContext, source: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'fanwire-runner-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
  writeFileSync(join(folder, 'one.test.js'), source);
  return join(folder, 'one.test.js');
}

/** Plays a test file of this source under the limits of `npm test`; what was printed, and the exit code. */
async function played(
  t: TestContext,
  source: string,
  variables: Record<string, string> = {},
): Promise<{ output: string; code: number | null }> {
  const file = fileWith(t, source);
  const { NODE_TEST_CONTEXT: _, ...inherited } = process.env;
  const env = { ...inherited, FANWIRE_TEST_GRACE_MS: '1500', FANWIRE_TEST_IDLE_MS: '3000', ...variables };
  const args = ['--test', '--import', LIMITS, '--test-reporter', 'tap', file];
  const child = spawn(process.execPath, args, { cwd: tmpdir(), env, stdio: ['ignore', 'pipe', 'pipe'] });
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

/** Plays files with these sources as `npm test` does; what it printed, and how each ended. */
async function playedByRunner(t: TestContext, atOnce: number, ...sources: string[]) {
  const files = sources.map((source) => fileWith(t, source));
  let printed = '';
  const say = (text: string): void => {
    printed += text;
  };
  const how = { flags: [], say, signal: new AbortController().signal };
  const first = await play(files, atOnce, how);
  const failed = first.filter(({ isGreen }) => !isGreen);
  const passedAgain = await playAgain(failed, how);
  return { first, failed, passedAgain, printed: () => printed };
}

const counted = (files: readonly PlayedFile[]) => files.flatMap(({ tests }) => tests.map(({ how, why }) => [how, why]));

test('files run side by side, and each tells how every test of it ended', async (t) => {
  const file = `
    import { describe, test } from 'node:test';
    test('passes', () => {});
    test('is left out', { skip: 'for a reason' }, () => {});
    describe('a suite', () => {
      test('fails within', () => { throw new Error('not so'); });
    });`;
  const { first } = await playedByRunner(t, 2, file, file);
  const each = [
    ['passed', ''],
    ['skipped', 'for a reason'],
    ['failed', 'not so'],
  ];
  assert.deepEqual(counted(first), [...each, ...each]);
  assert.match(failureLines(first).join('\n'), /✖ failing tests:[\s\S]*in \S*one\.test\.ts[\s\S]*✖ fails within/);
  assert.deepEqual(countLines(first, [], 61_000).slice(2, 5), ['ℹ tests 6', 'ℹ pass 2', 'ℹ fail 2']);
});

test('a file whose process ends without a word, or is killed, has failed', async (t) => {
  const { first, passedAgain } = await playedByRunner(
    t,
    1,
    'process.exit(3);',
    `import { test } from 'node:test';
    test('passes', () => {});
    test('kills all', () => { process.kill(process.pid, 'SIGKILL'); });`,
  );
  assert.deepEqual(
    first.map(({ isGreen }) => isGreen),
    [false, false],
  );
  const failures = counted(first).filter(([how]) => how === 'failed');
  assert.deepEqual(failures, [
    ['failed', 'ended with 3'],
    ['failed', 'was ended by SIGKILL'],
  ]);
  assert.deepEqual(passedAgain, []);
});

test('what failed is played once more: what passes then is listed with its first error, the rest has failed', async (t) => {
  const source = (body: string): string => `import { test } from 'node:test';
    import { existsSync, writeFileSync } from 'node:fs';
    const isFirst = !existsSync('${'MARK'}');
    writeFileSync('${'MARK'}', '');
    test('sometimes', () => { if (${body}) throw new Error('the port was taken'); });`;
  const folder = mkdtempSync(join(tmpdir(), 'fanwire-runner-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const marked = (body: string, mark: string): string => source(body).replaceAll('MARK', join(folder, mark));
  const { failed, passedAgain, printed } = await playedByRunner(t, 2, marked('isFirst', 'a'), marked('true', 'b'));
  assert.equal(failed.length, 2);
  assert.equal(passedAgain.length, 1);
  assert.match(printed(), /^passed when played again: .*one\.test\.ts/m);
  assert.match(printed(), /^FAILED AGAIN .*one\.test\.ts/m);
  const [, head, line, ...others] = passedAgainLines(passedAgain);
  assert.match(head ?? '', /^PASSED ONLY WHEN PLAYED AGAIN: 1 file /);
  assert.match(line ?? '', /one\.test\.ts: sometimes: the port was taken$/);
  assert.deepEqual(others, []);
  assert.deepEqual(countLines(failed, passedAgain, 0).slice(3, 5), ['ℹ pass 1', 'ℹ fail 1']);
});

test('a counterexample of a property is tried again from its own seed, and fails again', async (t) => {
  // One in 5,000 numbers: a run from another seed meets none of them 49 times of 50.
  const property = fc.property(fc.noBias(fc.nat(1e9)), (n) => n % 5000 !== 7);
  let seed = 1;
  while (!fc.check(property, { seed }).failed) seed++;
  const folder = mkdtempSync(join(tmpdir(), 'fanwire-runner-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const mark = join(folder, 'mark');
  const { failed, passedAgain, printed } = await playedByRunner(
    t,
    1,
    `import { test } from 'node:test';
    import { existsSync, writeFileSync } from 'node:fs';
    import fc from 'fast-check';
    const given = existsSync('${mark}') ? {} : { seed: ${seed} };
    writeFileSync('${mark}', '');
    test('rare', () => fc.assert(fc.property(fc.noBias(fc.nat(1e9)), (n) => n % 5000 !== 7), given));`,
  );
  assert.ok(existsSync(mark));
  assert.equal(failed.length, 1);
  assert.deepEqual(passedAgain, []);
  assert.match(printed(), new RegExp(`^FAILED AGAIN .* with FANWIRE_TEST_SEED=${seed} `, 'm'));
});

test('each seed that a file’s failures name is tried again, and a test that names none is only played again', () => {
  const file = (output: string, ...whys: string[]): PlayedFile => ({
    ...{ file: 'x', isGreen: false, failures: '', ms: 1, output },
    tests: whys.map((why) => ({ name: 'a', how: 'failed', why })),
  });
  const counterexample = 'Property failed after 3 tests\n{ seed: -12, path: "2", endOnFailure: true }\nGot …';
  assert.deepEqual(variablesAgain(file('', 'not so')), [{}]);
  assert.deepEqual(variablesAgain(file('ℹ seed 99', counterexample, counterexample)), [
    { FANWIRE_TEST_SEED: '-12' },
    { FANWIRE_TEST_SEED: '99' },
  ]);
});

test('the files that run alone, or first, are there', () => {
  const names = [...Object.keys(ALONE), ...LONGEST];
  assert.deepEqual(
    names.filter((name) => !existsSync(join(TESTS, name.replace(/\.ts$/, '.js')))),
    [],
  );
  assert.equal(new Set(names).size, names.length);
  const [alone = ''] = Object.keys(ALONE);
  const [long = ''] = LONGEST;
  assert.deepEqual(inOrder(['a.test.ts', alone, long]), { sideBySide: [long, 'a.test.ts'], alone: [alone] });
});
