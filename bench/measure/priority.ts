// Gives server and generator priority over everything else on the machine, where the system allows it (root, or
// CAP_SYS_NICE): a process that waits for a core would measure its neighbours. Both get the same priority, so that
// neither has an advantage.
//
// Real-time round robin at its lowest priority, because a nice value only sets shares: even with the best one, a
// server that woke up waited for its neighbour's 3 ms slice, longer in all than it ran itself. Linux reserves a
// twentieth of each core for other processes, so a saturated real-time process cannot hang the machine.

import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { setPriority } from 'node:os';

const PRIORITY = 1;
/** For this process, which only reads clocks and counters. */
const NICE = -20;

let isRaised = false;

/** From now on, servers and generators start with priority over others; false where that is not allowed. */
export function raisePriority(): boolean {
  // Node's test runner runs other tests at the same time, and they would have to wait.
  if (process.env.NODE_TEST_CONTEXT !== undefined) return false;
  try {
    execFileSync('chrt', ['-r', String(PRIORITY), 'true'], { stdio: 'ignore' });
    setPriority(NICE);
    isRaised = true;
  } catch {
    // Not Linux, no `chrt`, or not allowed.
  }
  return isRaised;
}

/** Whether publishers run before subscribers on their core, and both before everything else. */
export function isPriorityRaised(): boolean {
  return isRaised;
}

/** `command` with the prefix that raises its priority, and that of its threads and children. */
export function raisedCommand(command: readonly string[]): string[] {
  return isRaised ? ['chrt', '-r', String(PRIORITY), ...command] : [...command];
}

/** Raises all threads of a running process, `further` above the others: a publisher, which sleeps most of the time,
 *  must not wait for the subscribers on its core. */
export function raiseProcess(pid: number, further = 0): void {
  if (isRaised) execFileSync('chrt', ['-a', '-r', '-p', String(PRIORITY + further), String(pid)], { stdio: 'ignore' });
}

/** Raises a program of many threads, which must lead its own session. It does not become real-time: its threads would
 *  then wait for each other's whole slices of 100 ms (k6 sent its messages 96 ms late). Raising the session is enough,
 *  because Linux first shares the CPU between sessions (autogroups, sched(7)). */
export function raiseSession(pid: number | undefined): void {
  if (!isRaised || pid === undefined) return;
  try {
    writeFileSync(`/proc/${pid}/autogroup`, String(NICE));
  } catch {
    // This kernel has no autogroups: the inherited priority has to be enough.
  }
}
