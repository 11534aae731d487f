// CPU time of processes, as precisely as the system reports it.
import { readdirSync, readFileSync } from 'node:fs';

/** Ticks of /proc/PID/stat per second (USER_HZ, 100 on every Linux that Node.js runs on). */
const TICKS_PER_S = 100;

/** CPU seconds used so far by all threads of `pids` (without child processes); NaN where there is no /proc. */
export function cpuSeconds(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => sum + processCpuSeconds(pid), 0);
}

/** Uses the scheduler's count in nanoseconds (/proc/PID/task/TID/schedstat) where the kernel keeps it. The ticks of
 *  /proc/PID/stat are 10 ms, which is 2 % of half a second. */
export function processCpuSeconds(pid: number): number {
  try {
    let ns = 0;
    for (const task of readdirSync(`/proc/${pid}/task`)) {
      ns += Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, 'latin1').split(' ')[0]);
    }
    // The time of threads that have ended is in the process's ticks only.
    const ticks = tickSeconds(pid);
    return ticks > ns / 1e9 + 0.05 ? ticks : ns / 1e9;
  } catch {
    return tickSeconds(pid);
  }
}

function tickSeconds(pid: number): number {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // proc_pid_stat(5): utime and stime are fields 14 and 15. The command's name may contain spaces, so count from
    // its closing parenthesis.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_S;
  } catch {
    return Number.NaN;
  }
}
