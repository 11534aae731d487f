// `fanwire conform`: right clients pass, clients with a fault do not, and its exit code says which.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { signalChild } from '../../bench/system/signal-child.js';
import { until } from '../support/local-relay.js';
import { buildMutant, MUTANTS } from '../support/mutants.js';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const CLI = `${ROOT}dist/src/cli.js`;
const OURS = [process.execPath, `${ROOT}examples/conform-adapter.mjs`];
const PYTHON = ['/usr/bin/python3', '-B', `${ROOT}test/client/conform-adapter.py`];
const noPython = existsSync('/usr/lib/python3/dist-packages/websockets')
  ? false
  : 'python3-websockets is not installed: apt-get install python3-websockets';

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function start(t: TestContext, args: readonly string[]): { child: ChildProcess; ended: Promise<Ended> } {
  const child = spawn(process.execPath, [CLI, 'conform', ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  t.after(() => signalChild(child, 'SIGKILL'));
  const said = { stdout: '', stderr: '' };
  for (const stream of ['stdout', 'stderr'] as const) {
    child[stream].setEncoding('utf8').on('data', (text) => {
      said[stream] += text;
    });
  }
  return { child, ended: once(child, 'close').then(([code]) => ({ code, ...said })) };
}

const conform = (t: TestContext, ...args: string[]): Promise<Ended> => start(t, args).ended;

/** The lines of judges that found a fault. */
const bad = ({ stdout }: Ended): string[] => stdout.split('\n').filter((line) => line.startsWith('BAD'));

async function passes(t: TestContext, adapter: readonly string[]): Promise<void> {
  const ended = await conform(t, '--patience', '3', '--', ...adapter);
  assert.deepEqual(bad(ended), [], ended.stderr);
  assert.equal(ended.code, 0, ended.stderr);
  assert.match(ended.stderr, /: \d{3} judged, 0 bad\n$/);
}

test('fanwire/client conforms', (t) => passes(t, OURS));

test('a client in Python, written from docs/protocol.md, conforms', { skip: noPython }, (t) => passes(t, PYTHON));

test('a client with a fault is found out by the judges of its scenario', { concurrency: 4 }, async (t) => {
  const faults = MUTANTS.filter(({ scenario }) => scenario !== undefined).map((mutant) =>
    t.test(`one that ${mutant.fault}: ${mutant.scenario}`, async (each) => {
      const client = await buildMutant(each, mutant);
      const only = ['--only', mutant.scenario as string, '--patience', '0.3'];
      const ended = await conform(each, ...only, '--', ...OURS, client);
      assert.equal(ended.code, 1, ended.stdout + ended.stderr);
      assert.ok(bad(ended).length > 0);
    }),
  );
  await Promise.all(faults);
});

test('an adapter that does not start, ends or says nothing is no verdict: 3, with its last words', async (t) => {
  const gone = await conform(t, '--', '/nowhere/adapter');
  assert.deepEqual([gone.code, gone.stdout], [3, '']);
  assert.match(gone.stderr, /nothing was judged: \/nowhere\/adapter: .*ENOENT.* \[FANWIRE_CONFORM_ADAPTER\]/);
  const thrown = await conform(t, '--', process.execPath, '-e', 'throw new Error("of mine")');
  assert.equal(thrown.code, 3);
  assert.match(thrown.stderr, /it ended with 1; stderr: [\s\S]*of mine/);
  const unable = `console.log('{"event":"ready","name":"x","can":[]}');process.stdin.resume()`;
  const left = await conform(t, '--only', 'publish-bytes', '--', process.execPath, '-e', unable);
  assert.equal(left.code, 3);
  assert.match(left.stdout, /^left {2}publish-bytes: the client has no publish$/m);
});

test('an adapter that ends in the middle is a fault of the client', async (t) => {
  const ends = `console.log('{"event":"ready","name":"x","can":[]}');process.stdin.once('data', () => process.exit(7))`;
  const ended = await conform(t, '--only', 'join', '--', process.execPath, '-e', ends);
  assert.equal(ended.code, 1);
  assert.match(ended.stdout, /^BAD {3}join: the adapter lives on; expected it runs; seen it ended with 7/m);
});

test('wrong flags are 2 and name what is wrong; --list, --json and --help say what there is', async (t) => {
  const none = await conform(t);
  assert.deepEqual([none.code, none.stdout], [2, '']);
  assert.match(none.stderr, /FANWIRE_USAGE_CONFORM/);
  const unknown = await conform(t, '--only', 'no-such', '--', 'true');
  assert.equal(unknown.code, 2);
  assert.match(unknown.stderr, /no scenario has "no-such" in its name/);
  const list = await conform(t, '--list', '--only', 'cut-');
  assert.equal(list.code, 0);
  assert.match(list.stdout, /^cut-at-every-frame {2}/);
  assert.match((await conform(t, '--help')).stdout, /Exit codes: 0 .*130 interrupted/);
  const json = await conform(t, '--json', '--only', 'bytes', '--', ...OURS);
  const [first] = json.stdout.split('\n').map((line) => line && JSON.parse(line));
  assert.equal(first.scenario, 'bytes');
  assert.equal(first.isGood, true);
});

test('SIGINT ends it, and the adapter, with 130', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'fanwire-conform-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const started = join(folder, 'started');
  const silent = `require('node:fs').appendFileSync(${JSON.stringify(started)}, process.pid + ' ');
console.log('{"event":"ready","name":"x","can":[]}');process.stdin.resume()`;
  const { child, ended } = start(t, ['--only', 'join', '--', process.execPath, '-e', silent]);
  // Once to ask what it can, then for the scenario.
  const pids = (): number[] =>
    existsSync(started) ? readFileSync(started, 'utf8').split(' ').filter(Boolean).map(Number) : [];
  await until(() => pids().length === 2);
  signalChild(child, 'SIGINT');
  const { code, stderr } = await ended;
  assert.equal(code, 130, stderr);
  assert.match(stderr, /FANWIRE_CONFORM_INTERRUPTED/);
  await until(() => pids().every((pid) => !existsSync(`/proc/${pid}/cmdline`)));
});
