// Puts server and generator ahead of whatever else runs on the machine, where the system allows it (root, or
// CAP_SYS_NICE): a measurement that waits for a core measures the neighbours. Both alike, so that neither gains on the
// other.
//
// Real-time round robin at its lowest priority, because a nice value only weighs shares: with the best one, a server
// that woke still waited out its neighbour's slice of 3 ms, longer in all than it ran. Linux keeps a twentieth of each
// core from real-time processes, so a saturated one cannot hang the machine.

import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { setPriority } from 'node:os';

const PRIORITY = 1;
/** For this process, which only reads clocks and counters. */
const NICE = -20;

let isRaised = false;

/** From now on servers and generators are started ahead of others; false where that is not allowed. */
export function raisePriority(): boolean {
  // Node's test runner plays other tests at the same time: they would wait.
  if (process.env.NODE_TEST_CONTEXT !== undefined) return false;
  try {
    execFileSync('chrt', ['-r', String(PRIORITY), 'true'], { stdio: 'ignore' });
    setPriority(NICE);
    isRaised = true;
  } catch {
    // Not Linux, no chrt, or not allowed.
  }
  return isRaised;
}

/** Whether publishers come before subscribers on their core, and both before anything else. */
export function isPriorityRaised(): boolean {
  return isRaised;
}

/** `command` as it must be started to run ahead of others, its threads and children too. */
export function raisedCommand(command: readonly string[]): string[] {
  return isRaised ? ['chrt', '-r', String(PRIORITY), ...command] : [...command];
}

/** Raises all threads of a running process, by `further` above the others: a publisher that sleeps most of the time
 *  must not wait for the subscribers on its core. */
export function raiseProcess(pid: number, further = 0): void {
  if (isRaised) execFileSync('chrt', ['-a', '-r', '-p', String(PRIORITY + further), String(pid)], { stdio: 'ignore' });
}

/** Raises a program of many threads, which must lead a session of its own. Not to real time: there a thread waits for
 *  another's whole slice of 100 ms (k6 sent its messages 96 ms late). Linux weighs sessions against each other first
 *  (autogroups, sched(7)). */
export function raiseSession(pid: number | undefined): void {
  if (!isRaised || pid === undefined) return;
  try {
    writeFileSync(`/proc/${pid}/autogroup`, String(NICE));
  } catch {
    // No autogroups in this kernel: the priority that it inherits has to do.
  }
}
