// A signal reaches the child that it is meant for, or nobody.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { isRunning, signalChild, signalGroup } from '../../../bench/system/signal-child.js';

const ROOT = new URL('../../../../', import.meta.url);

test('a child that could not be started is never signalled, nor is its group: its pid is undefined', async () => {
  const child = spawn('/nowhere/at/all', { detached: true });
  await once(child, 'error');
  assert.equal(child.pid, undefined);
  child.kill = () => assert.fail('signals whatever process id lies in memory');
  assert.equal(isRunning(child), false);
  assert.equal(signalChild(child, 'SIGKILL'), false);
  assert.equal(signalGroup(child, 'SIGKILL'), false);
  assert.equal(signalChild(undefined, 'SIGKILL'), false);
});

test('a child that runs is signalled, with its group where it leads one, and none that has ended', async () => {
  const leader = spawn('/bin/sh', ['-c', 'sleep 60 & echo up; wait'], {
    detached: true,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  await once(leader.stdout, 'data');
  const closed = once(leader.stdout, 'close'); // its child holds the pipe as well
  const exited = once(leader, 'exit');
  assert.equal(signalGroup(leader, 'SIGKILL'), true);
  assert.deepEqual(await exited, [null, 'SIGKILL']);
  await closed;
  assert.equal(isRunning(leader), false);
  assert.equal(signalChild(leader, 'SIGKILL'), false);
});

/** Tests signal relays that have said that they listen: `relay.child.kill(…)`. */
const HARMLESS =
  /\.child\.kill\('SIG|=> relay\.kill\('SIGINT'\)\);`|process\.kill\((process\.pid|pid, 0|pid, 'SIGUSR2'|container\.pid)|(nats|server|adapter|stage\.client)\.kill\(\)/;
const OWN = [
  'bench/system/signal-child.ts',
  // By number, what carries the mark of its own server.
  'bench/system/left-behind.ts',
  'test/support/runner/watchdog-thread.ts',
  'test/bench/system/signal-child.test.ts',
];

test('no other file signals a child by itself', () => {
  const found: string[] = [];
  for (const folder of ['src', 'bench', 'scripts', 'test']) {
    const files = readdirSync(new URL(`${folder}/`, ROOT), { recursive: true, encoding: 'utf8' });
    for (const name of files.filter((file) => file.endsWith('.ts')).map((file) => `${folder}/${file}`)) {
      if (OWN.includes(name)) continue;
      for (const line of readFileSync(new URL(name, ROOT), 'utf8').split('\n')) {
        // Strangers and processes that the test itself named by number are no children.
        if (!/\.kill\(/.test(line) || HARMLESS.test(line) || /for \(const pid of (left|strangers)\)/.test(line))
          continue;
        found.push(`${name}: ${line.trim()}: use signalChild of bench/system/signal-child.ts`);
      }
    }
  }
  assert.deepEqual(found, []);
});
