// The log's way out, on a real pipe whose reader stalls.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { closeSync, constants, mkdtempSync, openSync, readSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { setTimeout as after } from 'node:timers/promises';
import { LogSink } from '../../src/base/log-sink.js';
import { needsProc } from '../support/needs.js';

/** Both ends of a pipe. The writing end blocks, as a shell's does. */
function pipe(t: TestContext): { readFd: number; writeFd: number } {
  const folder = mkdtempSync(join(tmpdir(), 'fanwire-sink-'));
  const path = join(folder, 'pipe');
  execFileSync('mkfifo', [path]);
  const readFd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const writeFd = openSync(path, constants.O_WRONLY);
  t.after(() => {
    closeSync(readFd);
    closeSync(writeFd);
    rmSync(folder, { recursive: true });
  });
  return { readFd, writeFd };
}

/** All that is in the pipe now. */
function drained(readFd: number): string {
  const chunk = Buffer.alloc(65_536);
  let text = '';
  try {
    for (let size = readSync(readFd, chunk); size > 0; size = readSync(readFd, chunk)) {
      text += chunk.toString('latin1', 0, size);
    }
  } catch (error) {
    assert.equal((error as NodeJS.ErrnoException).code, 'EAGAIN');
  }
  return text;
}

const ONLY_LINUX = needsProc;

test('a reader that stalls holds nobody up, and every line arrives in order or is counted', ONLY_LINUX, async (t) => {
  const { readFd, writeFd } = pipe(t);
  const counted: number[] = [];
  const sink = new LogSink(writeFd, (lost) => counted.push(lost));
  const written = 30_000; // 1.7 MB: more than the pipe and what may wait
  for (let i = 0; i < written; i++) sink.write(`${i} ${'.'.repeat(50)}\n`);
  let text = '';
  while (counted.length === 0) {
    text += drained(readFd);
    await after(50); // the sink tries again on its own
  }
  text += drained(readFd);
  const lines = text.trimEnd().split('\n');
  assert.deepEqual(
    lines.map((line) => line.split(' ')[0]),
    lines.map((_, i) => String(i)),
  );
  assert.equal(lines.length + (counted[0] as number), written);
  sink.write('next\n');
  assert.equal(drained(readFd), 'next\n', 'written at once again');
  assert.equal(counted.length, 1);
});
