// Counts processor events (such as instructions) of running processes with Linux's `perf stat`, where it is installed
// and supports them.

import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import { signalChild } from '../system/signal-child.js';

/** Instructions in user space. Unlike time, they hardly depend on what else runs on the machine. Many virtual machines
 *  hide them. */
export const INSTRUCTIONS = 'instructions:u';

/** Instructions that the kernel executes for the process, such as in sends and reads. Where kernel.perf_event_paranoid
 *  is above 1, only root may count them. */
export const KERNEL_INSTRUCTIONS = 'instructions:k';

/** Why `event` cannot be counted on this machine, in a few words; undefined where it can. */
export function whyUncountable(event: string): string | undefined {
  const { error, stderr } = spawnSync('perf', ['stat', '-x,', '-e', event, 'true'], { encoding: 'utf8' });
  if (error !== undefined) return 'there is no `perf` (Debian: linux-perf)';
  return countIn(stderr, event) === null ? `\`perf stat -e ${event} true\` does not count it` : undefined;
}

/**
 * Runs `work`, and counts `events` of all threads of `pids` meanwhile; a count is null where perf could not tell.
 * @throws what `work` throws
 */
export async function countEvents<T>(
  events: readonly string[],
  pids: readonly number[],
  work: () => Promise<T>,
): Promise<{ readonly outcome: T; readonly counts: readonly (number | null)[] }> {
  // perf starts with its events off (-D -1), and acknowledges each command that turns them on or off, so it is known
  // exactly when it counts.
  const flags = ['stat', '-x,', '-e', events.join(','), '-D', '-1', '--control', 'fd:3,4', '-p', pids.join(',')];
  const perf = spawn('perf', flags, { stdio: ['ignore', 'ignore', 'pipe', 'pipe', 'pipe'] });
  const ended = once(perf, 'close').catch(() => {});
  const [, , stderr, control, acks] = perf.stdio as unknown as [null, null, Readable, Writable, Readable];
  let said = '';
  stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  control.on('error', () => {}); // perf has exited; `ended` resolves then
  const tell = (command: string): Promise<unknown> => {
    control.write(`${command}\n`);
    return Promise.race([once(acks, 'data'), ended]);
  };
  try {
    await tell('enable');
    const outcome = await work();
    await tell('disable');
    signalChild(perf, 'SIGINT');
    await ended;
    return { outcome, counts: events.map((event) => countIn(said, event)) };
  } finally {
    signalChild(perf, 'SIGKILL');
  }
}

/** The count in a line such as `48,,page-faults:u,559414,100.00,,`. */
function countIn(lines: string, event: string): number | null {
  for (const line of lines.split('\n')) {
    const [count, , name] = line.split(',');
    if (name === event && /^\d+(\.\d+)?$/.test(count ?? '')) return Number(count);
  }
  return null;
}
