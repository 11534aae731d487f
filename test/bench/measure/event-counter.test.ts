// Counting events of a running process with the real perf. Processor events are hidden on many virtual machines, so an
// event that the kernel itself counts stands in: it goes the same way.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import test from 'node:test';
import { countEvents, whyUncountable } from '../../../bench/measure/event-counter.js';
import { signalChild } from '../../../bench/system/signal-child.js';

const EVENT = 'page-faults:u';

test('events of another process are counted while the work runs, and only then', async (t) => {
  const why = whyUncountable(EVENT);
  if (why !== undefined) return t.skip(`perf: ${why}`);
  // Touches 4 MiB of fresh memory (1,024 pages) for every line that it reads, and answers when it has.
  const program = `process.stdin.on('data', () => {
    const fresh = new Uint8Array(new SharedArrayBuffer(4 << 20));
    for (let i = 0; i < fresh.length; i += 4096) fresh[i] = 1;
    process.stdout.write('.');
  }); process.stdout.write('.');`;
  const child = spawn(process.execPath, ['-e', program], { stdio: ['pipe', 'pipe', 'inherit'] });
  t.after(() => signalChild(child, 'SIGKILL'));
  const answer = () => once(child.stdout, 'data');
  const touch = (): Promise<unknown> => {
    const touched = answer();
    child.stdin.write('x\n');
    return touched;
  };
  await answer();
  const busy = await countEvents([EVENT], [child.pid as number], async () => {
    for (let i = 0; i < 4; i++) await touch();
    return 'done';
  });
  assert.equal(busy.outcome, 'done');
  assert.ok((busy.counts[0] ?? 0) >= 4 * 1000, `${busy.counts[0]} page faults`);
  await touch();
  const idle = await countEvents([EVENT], [child.pid as number], async () => {});
  // perf has no count for threads that never ran.
  assert.ok((idle.counts[0] ?? 0) < 1000, `${idle.counts[0]} page faults while nothing was asked`);
});

test('a process that is gone has no count, what fails in the work is thrown, and an unknown event is named', async (t) => {
  const why = whyUncountable(EVENT);
  if (why !== undefined) return t.skip(`perf: ${why}`);
  const child = spawn(process.execPath, ['-e', '']);
  await once(child, 'close');
  assert.deepEqual(await countEvents([EVENT], [child.pid as number], async () => 1), { outcome: 1, counts: [null] });
  const failing = countEvents([EVENT], [process.pid], () => Promise.reject(new Error('no')));
  await assert.rejects(failing, /^Error: no$/);
  assert.match(whyUncountable('no-such-event') ?? '', /`perf stat -e no-such-event true` does not count it/);
});
