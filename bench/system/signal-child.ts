// The one place that signals a child process. A child whose spawn failed has no pid: on Node 20 and 22 its kill()
// signals whatever process id lies in uninitialised memory, and process.kill(-0) the caller's own process group.

import type { ChildProcess } from 'node:child_process';

/** Signals `child` where it runs; false where it never started or has ended. */
export function signalChild(child: ChildProcess | undefined, signal: NodeJS.Signals): boolean {
  if (child === undefined || !isRunning(child)) return false;
  return child.kill(signal);
}

/** Signals `child` and all that it started, where it leads a process group (`detached: true`); its group may outlive
 *  it. */
export function signalGroup(child: ChildProcess | undefined, signal: NodeJS.Signals): boolean {
  if (child?.pid === undefined || child.pid <= 1) return false;
  try {
    return process.kill(-child.pid, signal);
  } catch {
    return false; // all of them are gone
  }
}

/** Whether `child` was started and has not ended. */
export function isRunning(child: ChildProcess): boolean {
  return child.pid !== undefined && child.exitCode === null && child.signalCode === null;
}
