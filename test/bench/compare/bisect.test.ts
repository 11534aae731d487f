// Bisection over commits whose comparison is known: a stand-in for `fanwire compare` that judges by what a commit's
// file says.
import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { reasonIn } from '../../../bench/compare/bisect-step.js';
import { signalChild } from '../../../bench/system/signal-child.js';
import { constructRepository } from '../../support/constructed-repository.js';

const CLI = fileURLToPath(new URL('../../../src/cli.js', import.meta.url));
const BISECT = new URL('../../../bench/compare/bisect.js', import.meta.url).href;

/** A repository of commits whose `speed` is as given, and `play`, which bisects from the first to the last of them. */
function history(t: TestContext, speeds: readonly string[]) {
  const repository = constructRepository(t);
  const commits = speeds.map((speed, i) => {
    repository.write('speed', speed);
    return repository.commit(`commit ${i}`);
  });
  const stub = join(repository.place, 'stub.cjs');
  writeFileSync(
    stub,
    `const { execFileSync } = require('child_process'); const { writeFileSync, appendFileSync } = require('fs');
    const argv = process.argv.slice(2); const of = (flag) => argv[argv.indexOf(flag) + 1];
    const cpu = { name: 'cpu', label: 'CPU', isGate: true, verdict: 'regressed', ratio: 1.08, budget: 0.05, pairRatios: [1.07, 1.09] };
    const speed = execFileSync('git', ['show', of('--head') + ':speed'], { encoding: 'utf8' });
    appendFileSync(${JSON.stringify(join(repository.place, 'played'))}, JSON.stringify(argv) + '\\n');
    if (speed === 'unbuildable') { console.error('fanwire: nothing was measured: it does not build [X]'); process.exit(3); }
    if (speed === 'usage') { console.error('fanwire: --budget is wrong [FANWIRE_USAGE_BUDGET]'); process.exit(2); }
    writeFileSync(of('--json'), JSON.stringify({ verdict: speed, reasons: ['cpu ' + speed], alpha: 0.01, elapsedS: 1, scenarios: [{ name: 'fan-out', metrics: [cpu] }] }));
    process.exit(speed === 'slow' ? 1 : 0);`,
  );
  const program = `const { bisect } = await import(${JSON.stringify(BISECT)});
    const request = { good: ${JSON.stringify(commits[0])}, bad: 'main', flags: ['--budget', 'cpu:+5%'], say: () => {} };
    const more = { command: [process.execPath, ${JSON.stringify(stub)}], cacheFolder: '../cache', signal: new AbortController().signal };
    try { console.log(JSON.stringify(await bisect({ ...request, ...more }))); }
    catch (error) { console.log(JSON.stringify({ code: error.code, message: error.message })); }`;
  const play = () => {
    const args = ['--input-type=module', '-e', program];
    const { stdout, stderr } = spawnSync(process.execPath, args, { cwd: repository.folder, encoding: 'utf8' });
    return { ...JSON.parse(stdout || '{}'), stderr };
  };
  return { repository, commits, play };
}

test('two commits with nothing between them are refused before anything is played', (t) => {
  const { repository, commits } = history(t, ['fast', 'fast']);
  repository.git('checkout', '--quiet', '--orphan', 'other');
  const other = repository.commit('other');
  const refused = (good = '', bad = ''): string =>
    spawnSync(process.execPath, [CLI, 'bisect', '--cache', '../cache', '--good', good, '--bad', bad], {
      cwd: repository.folder,
      encoding: 'utf8',
    }).stderr;
  const [first, last] = commits;
  assert.match(refused(last, first), /^fanwire: --bad \w+ is before --good \w+: swap them \[FANWIRE_USAGE_BISECT\]\n$/);
  assert.match(refused(first, first), /are the same commit/);
  assert.match(
    refused(first, other),
    /^fanwire: --good \w+ and --bad \w+ have no commit in common: .*\[FANWIRE_USAGE_BISECT\]\n$/,
  );
});

test('what a comparison says of its end is its reason, not the command to try behind it', () => {
  const stderr =
    'compare: pair 1\nfanwire: nothing was measured: busy [FANWIRE_COMPARE_INVALID]\ntry: npx fanwire compare\n';
  assert.equal(reasonIn(stderr), 'nothing was measured: busy');
  assert.equal(reasonIn('Killed\n'), 'Killed');
});

test('the first bad commit is found in as few comparisons as a bisection takes, each with the good one', (t) => {
  const { repository, commits, play } = history(t, [...Array(6).fill('fast'), ...Array(6).fill('slow')]);
  const { firstBad, steps, asked, stderr } = play();
  assert.deepEqual(firstBad, [{ commit: commits[6], subject: 'commit 6' }], stderr);
  assert.ok(steps.length <= 5, `${steps.length} steps`);
  assert.equal(steps[0].commit, commits[11]);
  const played = readFileSync(join(repository.place, 'played'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  for (const argv of played) {
    assert.deepEqual(argv.slice(0, 3), ['compare', '--base', commits[0]]);
    for (const flag of ['--strict', '--one-sided', '--budget', 'cpu:+5%']) assert.ok(argv.includes(flag), flag);
  }
  // Behind the first comparison, the border is half of what that saw, and the steps share its error.
  assert.deepEqual(asked, { metric: 'cpu', scenario: 'fan-out', budget: Math.sqrt(1.08) - 1 });
  assert.deepEqual(played[1].slice(-4), ['--alpha', '0.002500', '--budget', 'cpu:+3.923%']);
  assert.match(stderr, /^bisect: [0-9a-f]{9} bad: cpu slow$/m);
});

test('the user’s folder, branch and .git stay as they are, and nothing is left in the cache', (t) => {
  const { repository, play } = history(t, ['fast', 'fast', 'slow', 'slow']);
  repository.write('speed', 'uncommitted');
  const { firstBad } = play();
  assert.equal(firstBad.length, 1);
  assert.equal(readFileSync(join(repository.folder, 'speed'), 'utf8'), 'uncommitted');
  assert.equal(repository.git('rev-parse', '--abbrev-ref', 'HEAD'), 'main');
  assert.ok(!readdirSync(join(repository.folder, '.git')).some((name) => name.startsWith('BISECT')));
  assert.deepEqual(readdirSync(join(repository.place, 'cache')), ['.gitignore']);
});

test('what cannot be measured is skipped: the commits that it could be are all named', (t) => {
  const { commits, play } = history(t, ['fast', 'fast', 'unbuildable', 'unbuildable', 'slow', 'slow']);
  const { firstBad, steps } = play();
  assert.deepEqual(
    firstBad.map(({ commit }: { commit: string }) => commit),
    commits.slice(2, 5),
  );
  assert.match(steps.find((step: { word: string }) => step.word === 'skipped').reason, /it does not build \[X\]$/);
});

test('a bad commit that is not worse, cannot be judged, or is asked for wrongly ends it at once', (t) => {
  const same = history(t, ['fast', 'fast']).play();
  assert.equal(same.code, 'FANWIRE_BISECT_NOTHING');
  assert.match(same.message, /the bad commit is not worse than the good one by these budgets: cpu fast/);
  assert.match(history(t, ['fast', 'unbuildable']).play().message, /could not be judged: .*does not build/);
  const wrong = history(t, ['fast', 'usage']).play();
  assert.deepEqual([wrong.code, wrong.message], ['FANWIRE_USAGE_BISECT', '--budget is wrong [FANWIRE_USAGE_BUDGET]']);
});

test('as a command: a wrong ref or flag is one line and exit code 2, an interrupt is 130 and ends what was playing', async (t) => {
  const { repository, commits } = history(t, ['fast', 'slow']);
  const cache = ['--cache', join(repository.place, 'cache')];
  const refused = (args: string[]): string => {
    const run = spawnSync(process.execPath, [CLI, 'bisect', ...cache, ...args], {
      cwd: repository.folder,
      encoding: 'utf8',
    });
    assert.equal(run.status, 2, run.stderr);
    assert.match(run.stderr, /^fanwire: [^\n]*\n$/);
    return run.stderr;
  };
  assert.match(
    refused(['--good', 'nope', '--bad', 'main']),
    /--good nope is no commit: no branch, tag or commit is called nope/,
  );
  assert.match(refused(['--good', 'main', '--bad', 'main']), /are the same commit/);
  assert.match(refused(['--good', 'main~1', '--bad', 'main', '--head', 'x']), /--head is set by the bisection itself/);
  assert.match(refused(['--bad', 'main']), /--good/);
  const pidFile = join(repository.place, 'pid');
  const build = ['--start', 'x', '--build', `echo $$ >${pidFile}; exec sleep 100`];
  const args = [CLI, 'bisect', ...cache, '--good', commits[0] as string, '--bad', 'main', ...build];
  const child = spawn(process.execPath, args, { cwd: repository.folder, stdio: 'ignore' });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  while (!existsSync(pidFile) || readFileSync(pidFile, 'utf8') === '')
    await new Promise((resolve) => setTimeout(resolve, 20));
  signalChild(child, 'SIGTERM');
  assert.equal(await ended, 130);
  const pid = readFileSync(pidFile, 'utf8').trim();
  const state = (): string => {
    try {
      return execFileSync('ps', ['-o', 'stat=', '-p', pid], { encoding: 'utf8' }).trim();
    } catch {
      return '';
    }
  };
  while (!/^(Z.*)?$/.test(state())) await new Promise((resolve) => setTimeout(resolve, 20));
});
