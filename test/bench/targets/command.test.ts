// Servers that a command line starts: however it is written, wherever they listen, whatever they leave behind.
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { processesOf } from '../../../bench/measure/server-load.js';
import { startCommandTarget } from '../../../bench/targets/command.js';
import { execOf } from '../../../bench/targets/shell-command.js';
import type { Target } from '../../../bench/targets/target.js';
import { temporaryFolder } from '../../support/constructed-repository.js';

const SERVE = `require('node:net').createServer().listen(Number(process.env.PORT), process.env.AT || '127.0.0.1')`;
/** Writes its pid, so that it is known whether it still runs. */
const serve = (file: string): string =>
  `node -e "require('node:fs').writeFileSync('${file}', String(process.pid)); ${SERVE}"`;

async function start(t: TestContext, command: string): Promise<Target> {
  const target = await startCommandTarget({
    ...{ name: 'x', version: '', path: '', cores: [] },
    dialect: 'raw',
    command,
  });
  t.after(() => target.stop());
  return target;
}

function isRunning(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

/** As `serve`, but it listens only once the shell that started it has ended. */
const serveAlone = (file: string): string =>
  `node -e "const parent = process.ppid; require('node:fs').writeFileSync('${file}', String(process.pid)); const wait = setInterval(() => { if (process.ppid === parent) return; clearInterval(wait); setTimeout(() => { ${SERVE} }, 500); }, 20)"`;

/** SIGKILL takes a moment. Ends with the test where the process does not. */
async function ended(pid: number): Promise<void> {
  while (isRunning(pid)) await sleep(10);
}

async function pidIn(file: string): Promise<number> {
  while (!existsSync(file) || readFileSync(file, 'utf8') === '') await sleep(10);
  return Number(readFileSync(file, 'utf8'));
}

test('a program takes the place of the shell; variables stand before it, and a list of commands keeps the shell', () => {
  for (const [command, expected] of [
    ['node server.js {port}', 'exec node server.js {port}'],
    ['A=1 B="x y" node server.js', 'A=1 B="x y" exec node server.js'],
    ['node -e \'x\' --flag="a b"', 'exec node -e \'x\' --flag="a b"'],
    ['cd app && node server.js', 'cd app && node server.js'],
    ['. ./env.sh; node server.js', '. ./env.sh; node server.js'],
    ['source ./env.sh', 'source ./env.sh'],
    ['exec node server.js', 'exec node server.js'],
    ['A=1 B=2 cd x', 'A=1 B=2 cd x'],
    ['A=$(date -u) node x.js', 'A=$(date -u) node x.js'],
    ['set -e\nnode x.js', 'set -e\nnode x.js'],
  ] as const) {
    assert.equal(execOf(command), expected);
  }
});

test('a server that listens on ::1 only is found there', async (t) => {
  const target = await start(t, `AT=::1 node -e "${SERVE}"`);
  assert.match(target.urls[0] ?? '', /^ws:\/\/\[::1\]:\d+$/);
});

test('what a server costs is what all its processes cost: npm start does nothing of the work', {
  skip: process.platform !== 'linux',
}, async (t) => {
  const file = join(temporaryFolder(t), 'pid');
  const target = await start(t, `true; ${serve(file)}; true`);
  const own = await pidIn(file);
  assert.ok(!target.pids.includes(own));
  assert.ok(processesOf(target.pids).includes(own));
});

test('a program that leaves its server running in the background is refused, and nothing of it runs on', {
  skip: process.platform !== 'linux',
}, async (t) => {
  for (const how of ['', 'setsid ']) {
    const file = join(temporaryFolder(t), 'pid');
    await assert.rejects(start(t, `${how}${serveAlone(file)} & while [ ! -s ${file} ]; do sleep 0.02; done`), {
      code: 'FANWIRE_BENCH_TARGET',
      message: /ended with exit code 0 (before it listened|while something listened: it must stay in the foreground)/,
    });
    await ended(await pidIn(file));
  }
});

test('a worker that does not listen to SIGTERM ends with its server', {
  skip: process.platform !== 'linux',
}, async (t) => {
  const file = join(temporaryFolder(t), 'pid');
  const stubborn = `node -e "process.on('SIGTERM', () => {}); require('node:fs').writeFileSync('${file}', String(process.pid)); setInterval(() => {}, 1e3)"`;
  const target = await start(t, `${stubborn} & exec node -e "${SERVE}"`);
  const worker = await pidIn(file);
  await target.stop();
  await ended(worker);
});
