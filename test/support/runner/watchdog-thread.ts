// Ends a test file's process, and what it started, when a test is past its limit and node:test could not end it, or
// when nothing has run for a while and the process stays. Says on stderr which test that was.

import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, writeSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import type { Message } from './watchdog.js';

/** What node:test and the hooks of a test may take beyond its limit. */
const GRACE_MS = Number(process.env.FANWIRE_TEST_GRACE_MS ?? 15_000);
/** Between two tests, and after the last: hooks end what the tests started. */
const IDLE_MS = Number(process.env.FANWIRE_TEST_IDLE_MS ?? 90_000);
const LOOK_EVERY_MS = 500;

const running = new Map<number, { readonly name: string; readonly limitMs: number; readonly until: number }>();
let lastEnded = 'the first test';
let quietSince = performance.now();

parentPort?.on('message', (message: Message) => {
  quietSince = performance.now();
  if ('begun' in message) {
    const { name, limitMs } = message;
    running.set(message.begun, { name, limitMs, until: quietSince + limitMs + GRACE_MS });
    return;
  }
  const one = running.get(message.ended);
  if (one !== undefined) lastEnded = JSON.stringify(one.name);
  running.delete(message.ended);
});

setInterval(() => {
  const now = performance.now();
  for (const { name, limitMs, until } of running.values()) {
    if (now > until)
      end(`${JSON.stringify(name)} did not end within its limit of ${limitMs / 1000} s and blocks its thread`);
  }
  if (running.size === 0 && now - quietSince > IDLE_MS) {
    end(
      `nothing has run for ${IDLE_MS / 1000} s since ${lastEnded}, and something that was left open keeps the process`,
    );
  }
}, LOOK_EVERY_MS);

function end(why: string): void {
  const { pid, file } = workerData as { pid: number; file: string };
  writeSync(2, `\n${file}: ${why}: ended\n`);
  for (const child of descendantsOf(pid)) kill(child);
  kill(pid);
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended meanwhile.
  }
}

function descendantsOf(pid: number): number[] {
  const parents = allParents();
  const found: number[] = [];
  const add = (of: number): void => {
    for (const [child, parent] of parents) {
      if (parent !== of || found.includes(child)) continue;
      found.push(child);
      add(child);
    }
  };
  add(pid);
  return found;
}

/** [pid, parent's pid] of every process. */
function allParents(): [pid: number, parent: number][] {
  if (process.platform !== 'linux') {
    const rows = execFileSync('ps', ['-A', '-o', 'pid=,ppid='], { encoding: 'utf8' }).trim().split('\n');
    return rows.map((row) => row.trim().split(/\s+/).map(Number) as [number, number]);
  }
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return pids.flatMap((pid): [number, number][] => {
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
      return [[Number(pid), Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1])]];
    } catch {
      return [];
    }
  });
}
