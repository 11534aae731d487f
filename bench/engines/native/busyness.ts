// How busy this process's main thread is: CPU used plus, on Linux, the time it was ready to run and had to wait for a core.
//
// Waiting counts because a generator that shares its core is as late as one that is itself saturated.

import { readFileSync } from 'node:fs';
import type { Busyness } from './messages.js';

interface Reading {
  readonly atMs: number;
  readonly runMs: number;
  readonly waitMs: number | null;
}

export class BusynessMeter {
  #from: Reading | undefined;
  #to: Reading | undefined;

  begin(): void {
    this.#from = read();
  }

  end(): void {
    this.#to ??= read();
  }

  /** The share between `begin` and `end`; zero when the window was never opened. */
  report(): Busyness {
    const from = this.#from;
    const to = this.#to ?? read();
    if (from === undefined || to.atMs <= from.atMs) return { cpu: 0, waiting: null };
    const wallMs = to.atMs - from.atMs;
    const waiting = to.waitMs === null || from.waitMs === null ? null : (to.waitMs - from.waitMs) / wallMs;
    return { cpu: (to.runMs - from.runMs) / wallMs + (waiting ?? 0), waiting };
  }
}

function read(): Reading {
  const atMs = performance.now();
  try {
    // Nanoseconds on the CPU, nanoseconds waiting for it (Documentation/scheduler/sched-stats.rst); of the main thread only.
    const [run, wait] = readFileSync('/proc/self/schedstat', 'latin1').split(' ');
    const runMs = Number(run) / 1e6;
    const waitMs = Number(wait) / 1e6;
    if (runMs > 0) return { atMs, runMs, waitMs };
  } catch {
    // Not Linux, or a kernel without schedstats: CPU time of the whole process has to do.
  }
  const used = process.cpuUsage();
  return { atMs, runMs: (used.user + used.system) / 1000, waitMs: null };
}
