// A server that other processes starve of its core is told from one that has it to itself.

import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { StarvationWatch } from '../../../bench/measure/starvation.js';
import { signalChild } from '../../../bench/system/signal-child.js';
import { needs, needsProc } from '../../support/needs.js';

/** Keeps a core busy, and ends by itself should the test not get to it. */
const BURN = 'const end = Date.now() + 20000; while (Date.now() < end);';

const skip = needsProc.skip || needs('taskset').skip;

/** The first core that this process may use: in a container that need not be core 0. */
const CORE = !skip
  ? (/^Cpus_allowed_list:\s+(\d+)/m.exec(readFileSync('/proc/self/status', 'latin1'))?.[1] ?? '0')
  : '0';

/** Three busy processes on one core that are no descendants of this one: the shell that started them is gone. */
function startStrangers(): number[] {
  const one = `taskset -c ${CORE} ${process.execPath} -e '${BURN}' >/dev/null 2>&1 & echo $!`;
  const pids = execFileSync('/bin/sh', ['-c', [one, one, one].join('\n')], { encoding: 'utf8' });
  return pids.trim().split('\n').map(Number);
}

test('a server whose core other processes hold has its figures refused', {
  skip,
}, async () => {
  const server = spawn('taskset', ['-c', CORE, process.execPath, '-e', BURN]);
  const strangers: number[] = [];
  try {
    await new Promise((resolve) => server.once('spawn', resolve));
    const pid = server.pid as number;
    strangers.push(...startStrangers());
    const starved = new StarvationWatch([pid]);
    await sleep(1500);
    assert.match(starved.reason() ?? 'not starved', /^other processes used .* cores meanwhile, and the server waited/);
    assert.equal(new StarvationWatch([]).reason(), undefined, 'nothing can be said of a server that runs elsewhere');
  } finally {
    for (const pid of strangers) process.kill(pid, 'SIGKILL');
    signalChild(server, 'SIGKILL');
  }
});
