// Processes that a program has left behind: those of its group, and those that left the group but still carry the
// variable that it was started with.

import { readdirSync, readFileSync } from 'node:fs';

/** Name of the variable that tells a program's processes from all others. Without the prefix of fanwire's own, which a
 *  relay refuses where it does not know them. */
export const STARTED_AS = 'STARTED_BY_FANWIRE';

/** Whether a process of the group that `pid` led still runs. */
export function isGroupRunning(pid: number): boolean {
  if (process.platform !== 'linux') return isThere(-pid);
  // A process that has ended and is not waited for, as in containers whose first process waits for none, is there too.
  return isThere(-pid) && processes().some((one) => groupOf(one) === pid);
}

/** Sends SIGKILL to every process with `STARTED_AS` set to `mark`. Linux only. */
export function killMarked(mark: string): void {
  if (process.platform !== 'linux') return;
  const wanted = `${STARTED_AS}=${mark}`;
  for (const pid of processes()) {
    try {
      const variables = readFileSync(`/proc/${pid}/environ`, 'latin1').split('\0');
      if (variables.includes(wanted)) process.kill(pid, 'SIGKILL');
    } catch {
      // It has ended, or is another user's.
    }
  }
}

function processes(): number[] {
  return readdirSync('/proc').flatMap((name) => (/^\d+$/.test(name) && Number(name) > 1 ? [Number(name)] : []));
}

/** The group of a process that runs; undefined for one that has ended. */
function groupOf(pid: number): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const [state, , group] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return state === 'Z' ? undefined : Number(group);
  } catch {
    return undefined;
  }
}

function isThere(pid: number): boolean {
  try {
    process.kill(pid, 0); // asks, sends nothing
    return true;
  } catch {
    return false;
  }
}
