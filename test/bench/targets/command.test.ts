// Servers that a command line starts: however it is written, wherever they listen, whatever they leave behind.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { processesOf } from '../../../bench/measure/server-load.js';
import { startCommandTarget } from '../../../bench/targets/command.js';
import { untilReady } from '../../../bench/targets/readiness.js';
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

/** Listens at once and answers upgrades by `answer`, an expression of `n`, the number of the one. */
const answering = (answer: string): string =>
  `node -e "let n = 0; const server = require('node:http').createServer(); server.on('upgrade', (request, socket) => { n++; socket.on('error', () => {}); socket.end(${answer}); }); server.listen(Number(process.env.PORT), '127.0.0.1'); console.error('loading'); const READY = 'HTTP/1.1 101 Switching Protocols\\r\\n\\r\\n', BUSY = 'HTTP/1.1 503 x\\r\\n\\r\\n'"`;

test('a server that listens and answers 503 is waited for until it does not; one that ends meanwhile has not started', async (t) => {
  const target = await start(t, answering('n < 4 ? BUSY : READY'));
  const answers = await Promise.all([1, 2].map(() => untilReady(target.urls[0] ?? '', 0)));
  assert.deepEqual(answers, [undefined, undefined], 'it was ready when it was handed over');
  await assert.rejects(start(t, answering('n < 4 ? BUSY : process.exit(3)')), {
    code: 'FANWIRE_BENCH_TARGET',
    message: /listened and answered HTTP 503, and ended with exit code 3: loading$/,
  });
  // Whoever refuses nobody and ends at the first client is judged by its runs.
  const dying = await start(t, answering('process.exit(4)'));
  assert.match(dying.ending?.() ?? '', /ended with exit code 4/);
  // A door of a container: connections end without a word until there is somebody behind it.
  const door = await start(t, answering("n < 4 ? '' : READY"));
  assert.equal(await untilReady(door.urls[0] ?? '', 0), undefined);
});

test('a server that is never ready is told with its last answer', async (t) => {
  const server = createServer().on('upgrade', (_request, socket) => socket.end('HTTP/1.1 502 x\r\n\r\n'));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  assert.equal(await untilReady(`ws://127.0.0.1:${port}`, 200), 'HTTP 502');
});
