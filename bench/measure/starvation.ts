// Detects whether other processes took the server's cores during a measurement. Its figures then say as much about
// them as about the server. Linux only.

import { readdirSync, readFileSync } from 'node:fs';
import { cpuSecondsOf } from './server-load.js';

/** The server's figures are doubtful if its busiest thread waited for a core at least this share of the time in which
 *  it wanted one … */
const WAITED_SHARE = 0.5;
/** … and that was at least this share of the measured time … */
const WAITED_OF_WALL = 0.05;
/** … while processes that are neither server nor generator used this many cores. This condition is needed because the
 *  threads of a server with more threads than cores wait for each other. */
const OTHERS_CORES = 0.3;
const TICKS_PER_S = 100;

interface MachineReading {
  readonly atMs: number;
  /** CPU seconds that the machine spent in user and kernel mode. */
  readonly machineS: number;
  /** CPU seconds of server and generator. */
  readonly oursS: number;
  /** Milliseconds run and milliseconds waited, by thread of the server. */
  readonly threads: ReadonlyMap<string, { readonly runMs: number; readonly waitMs: number }>;
}

/** Takes a reading at the start of the measured phase, and another when `reason` is called at its end. */
export class StarvationWatch {
  private readonly from: MachineReading | undefined;

  constructor(private readonly pids: readonly number[]) {
    this.from = read(pids);
  }

  /** Why the server's figures are not its own; undefined when they are, or when this cannot be determined. */
  reason(): string | undefined {
    const from = this.from;
    const to = read(this.pids);
    if (from === undefined || to === undefined) return undefined;
    const wallMs = to.atMs - from.atMs;
    const othersCores = ((to.machineS - from.machineS - (to.oursS - from.oursS)) * 1000) / wallMs;
    let busiest = { runMs: 0, waitMs: 0 };
    for (const [thread, { runMs, waitMs }] of to.threads) {
      const before = from.threads.get(thread) ?? { runMs: 0, waitMs: 0 };
      if (runMs - before.runMs > busiest.runMs)
        busiest = { runMs: runMs - before.runMs, waitMs: waitMs - before.waitMs };
    }
    const { runMs, waitMs } = busiest;
    const isStarved = waitMs >= WAITED_SHARE * (runMs + waitMs) && waitMs >= WAITED_OF_WALL * wallMs;
    if (!isStarved || othersCores < OTHERS_CORES) return undefined;
    const share = Math.round((100 * waitMs) / (runMs + waitMs));
    return `other processes used ${othersCores.toFixed(1)} cores meanwhile, and the server waited for a core ${share} % of the time that it wanted one`;
  }
}

function read(pids: readonly number[]): MachineReading | undefined {
  if (process.platform !== 'linux' || pids.length === 0) return undefined;
  try {
    // proc_stat(5): user, nice and system time of all cores. Interrupts are left out, because they belong to no
    // process.
    const [, user, nice, system] = (readFileSync('/proc/stat', 'latin1').split('\n')[0] as string).split(/\s+/);
    return {
      atMs: performance.now(),
      machineS: (Number(user) + Number(nice) + Number(system)) / TICKS_PER_S,
      oursS: cpuSecondsOf([process.pid, ...pids]),
      threads: new Map(pids.flatMap(threadsOf)),
    };
  } catch {
    // The server has exited, or this kernel has no schedstat.
    return undefined;
  }
}

function threadsOf(pid: number): [string, { runMs: number; waitMs: number }][] {
  return readdirSync(`/proc/${pid}/task`).map((tid) => {
    // Nanoseconds on a core, nanoseconds waiting for one (Documentation/scheduler/sched-stats.rst).
    const [run, wait] = readFileSync(`/proc/${pid}/task/${tid}/schedstat`, 'latin1').split(' ');
    return [`${pid}/${tid}`, { runMs: Number(run) / 1e6, waitMs: Number(wait) / 1e6 }];
  });
}
