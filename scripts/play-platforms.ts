// Plays the README's two commands, word by word, on fresh machines (.ci/machine): a clone in a home folder that nobody
// has used, Node and nothing else, as root and as a plain user. Writes what was seen into docs/platforms.md. Linux, as
// root:
//
// npm run platforms                                all of them
// npm run platforms -- trixie-24-node …            these; the table keeps the rows of the others
// npm run platforms -- --no-table --quick …        only says it; without the tests

import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { twoFreePorts } from '../bench/system/free-port.js';
import { findPlatformRows, type PlayedMachine, renderPlatforms } from './platforms-page.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const PAGE = join(ROOT, 'docs/platforms.md');
const LOGS = join(ROOT, 'results/platforms');

interface Machine {
  readonly suite: string;
  readonly node: string;
  readonly user: 'root' | 'node';
  readonly title: string;
}

const MACHINES: readonly Machine[] = [
  { suite: 'bookworm', node: '20', title: 'Debian 12' },
  { suite: 'trixie', node: '22', title: 'Debian 13' },
  { suite: 'trixie', node: '24', title: 'Debian 13' },
].flatMap((machine) => [
  { ...machine, user: 'root' as const },
  { ...machine, user: 'node' as const },
]);

/** The README's commands, so that what is played is what it says. */
function readmeCommands(): { start: string; test: string } {
  const blocks = [...readFileSync(join(ROOT, 'README.md'), 'utf8').matchAll(/^```sh\n(npm ci && .*)\n```$/gm)].map(
    ([, line]) => line,
  );
  const [start, test] = [/npm start/, /npm test/].map((what) => blocks.find((line) => what.test(line ?? '')));
  if (start === undefined || test === undefined)
    throw new Error('README.md shows no `npm ci && npm start` and `npm ci && npm test`');
  return { start, test };
}

/** Runs the first command until the relay is ready, ends it as Ctrl+C would, and prints how it went, a line of JSON. */
function startScript(command: string): string {
  return `
    set -u; began=$(date +%s%N)
    setsid bash -c ${quoted(command)} & started=$!
    for ((i = 0; i < 6000; i++)); do
      kill -0 $started 2>/dev/null || break
      if [ -d node_modules ] && node -e "fetch('http://127.0.0.1:' + (process.env.FANWIRE_ADMIN_PORT || 9002) + '/readyz').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"; then
        ready=$(( ($(date +%s%N) - began) / 1000000 )); break
      fi
      sleep 0.3
    done
    kill -INT -- -$started 2>/dev/null; wait $started; code=$?
    echo "PLAYED {\\"readyMs\\": \${ready:-null}, \\"code\\": $code}"`;
}

const FACTS = `
  echo "FACTS $(node -v) $(npm -v) $(getconf GNU_LIBC_VERSION | cut -d' ' -f2)"
  node dist/src/cli.js --version | sed -n 's/^uWebSockets.js: /UWS /p'`;

function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

async function play(machine: Machine, isQuick: boolean): Promise<PlayedMachine> {
  const { suite, node, user, title } = machine;
  const layer = mkdtempSync(join(process.env.CI_MACHINES ?? tmpdir(), 'fanwire-platform-'));
  try {
    const home = user === 'root' ? '/root' : '/home/node';
    const clone = join(layer, 'upper', home, 'fanwire');
    mkdirSync(join(layer, 'upper', home), { recursive: true });
    run('git', ['clone', '--quiet', '--no-hardlinks', ROOT, clone]);
    if (user === 'node') run('chown', ['-R', '1000:1000', join(layer, 'upper', home)]);
    const { start, test } = readmeCommands();
    const where = [suite, node, '--user', user, '--layer', layer, '--in', `${home}/fanwire`, ...(await ports())];
    const inside = (script: string, log: string) => onMachine(where, script, log);
    const name = `${suite}-${node}-${user}`;
    const started = await inside(startScript(start), `${name}-start.log`);
    const { readyMs, code } = JSON.parse(/^PLAYED (.*)$/m.exec(started)?.[1] ?? '{"readyMs":null,"code":null}');
    const facts = await inside(FACTS, `${name}-facts.log`);
    const [, nodeVersion = '?', npm = '?', glibc = '?'] = /^FACTS (\S+) (\S+) (\S+)$/m.exec(facts) ?? [];
    const begun = performance.now();
    const tested = isQuick ? '' : await inside(`${test}; echo "CODE $?"`, `${name}-test.log`);
    const testS = Math.round((performance.now() - begun) / 1000);
    const count = (what: string) => Number(new RegExp(`^ℹ ${what} (\\d+)$`, 'm').exec(tested)?.[1] ?? 0);
    return {
      machine: `${title}, Node ${nodeVersion.replace(/^v/, '')}`,
      user,
      npm,
      glibc,
      uws: /^UWS .*?, (.*)$/m.exec(facts)?.[1] ?? '?',
      readyMs,
      startCode: code,
      testCode: isQuick ? null : Number(/^CODE (\d+)$/m.exec(tested)?.[1] ?? 1),
      testS,
      passed: count('pass'),
      failed: count('fail'),
      passedAgain: count('passed only when played again'),
      leftOut: count('skipped'),
      reasons:
        /^\d+ tests? (?:was|were) left out:\n((?: +\d+ {2}.*\n)+)/m.exec(tested)?.[1]?.trimEnd().split('\n') ?? [],
    };
  } finally {
    rmSync(layer, { recursive: true, force: true });
  }
}

/** Not the default ports: another relay of this machine would be taken for the one that was started. */
async function ports(): Promise<string[]> {
  const [port, adminPort] = await twoFreePorts();
  return ['--env', `FANWIRE_PORT=${port}`, '--env', `FANWIRE_ADMIN_PORT=${adminPort}`];
}

function run(program: string, args: string[]): void {
  const { status } = spawnSync(program, args, { stdio: ['ignore', 'ignore', 'inherit'] });
  if (status !== 0) throw new Error(`${program} ${args.join(' ')} ended with ${status}`);
}

function onMachine(args: string[], script: string, log: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(join(ROOT, '.ci/machine'), [...args, '--', 'bash', '-c', script], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, CI: '' },
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += chunk));
    child.once('error', reject);
    child.once('close', () => {
      mkdirSync(LOGS, { recursive: true });
      writeFileSync(join(LOGS, log), output);
      resolve(output);
    });
  });
}

async function main(): Promise<void> {
  const given = process.argv.slice(2);
  const names = given.filter((word) => !word.startsWith('--'));
  const chosen = MACHINES.filter(
    ({ suite, node, user }) => names.length === 0 || names.includes(`${suite}-${node}-${user}`),
  );
  if (chosen.length === 0)
    throw new Error(
      `no such machine; there are ${MACHINES.map(({ suite, node, user }) => `${suite}-${node}-${user}`).join(', ')}`,
    );
  const rows: PlayedMachine[] = [];
  const kept = existsSync(PAGE) ? findPlatformRows(readFileSync(PAGE, 'utf8')) : [];
  const host = `${cpus().length} cores of ${cpus()[0]?.model.trim() ?? 'an unknown processor'}, ${Math.round(totalmem() / 2 ** 30)} GiB`;
  for (const machine of chosen) {
    rows.push(await play(machine, given.includes('--quick')));
    console.log(JSON.stringify(rows.at(-1)));
    // After each: an hour's work is not lost where the next one is interrupted.
    if (!given.includes('--no-table')) writeFileSync(PAGE, renderPlatforms(rows, kept, host, new Date()));
  }
  const bad = rows.filter(
    ({ startCode, readyMs, testCode }) => startCode !== 0 || readyMs === null || (testCode ?? 0) !== 0,
  );
  if (bad.length > 0)
    throw new Error(`not well on ${bad.map(({ machine, user }) => `${machine} as ${user}`).join(', ')}: see ${LOGS}`);
}

await main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
});
