// The only place that signals child processes. A child that failed to spawn has no pid. On Node 20 and 22, its kill()
// signals whatever pid is in uninitialised memory, and process.kill(-0) signals the caller's own process group.

import type { ChildProcess } from 'node:child_process';

/** Signals `child` if it runs; false if it never started or has ended. */
export function signalChild(child: ChildProcess | undefined, signal: NodeJS.Signals): boolean {
  if (child === undefined || !isRunning(child)) return false;
  return child.kill(signal);
}

/** Signals `child` and all that it started, if it leads a process group (`detached: true`). Works even after `child`
 *  itself has ended, because its group may live on. */
export function signalGroup(child: ChildProcess | undefined, signal: NodeJS.Signals): boolean {
  if (child?.pid === undefined || child.pid <= 1) return false;
  try {
    return process.kill(-child.pid, signal);
  } catch {
    return false; // every process of the group has ended
  }
}

/** Whether `child` was started and has not ended. */
export function isRunning(child: ChildProcess): boolean {
  return child.pid !== undefined && child.exitCode === null && child.signalCode === null;
}
