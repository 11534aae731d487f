// How busy this process's main thread is: CPU used plus, on Linux, the time it was ready to run and had to wait for a
// core.
//
// Waiting counts because a generator that shares its core is as late as one that is itself saturated.

import { readFileSync } from 'node:fs';
import type { Busyness } from './messages.js';

/** Smallest part of the planned time that may have been measured. Less is measured only when the event loop was
 *  blocked. */
const SHORTEST_WINDOW = 0.7;

interface ThreadReading {
  readonly atMs: number;
  readonly runMs: number;
  readonly waitMs: number | null;
}

export class BusynessMeter {
  private from: ThreadReading | undefined;
  private to: ThreadReading | undefined;
  private last = read();

  /** Cores used or waited for since the last call. */
  sinceLast(): number {
    const now = read();
    const wallMs = now.atMs - this.last.atMs;
    const busyMs = now.runMs - this.last.runMs + (now.waitMs ?? 0) - (this.last.waitMs ?? 0);
    this.last = now;
    return wallMs <= 0 ? 0 : Math.max(0, busyMs / wallMs);
  }

  begin(): void {
    this.from = read();
  }

  end(): void {
    this.to ??= read();
  }

  /** The share between `begin` and `end`, which were planned `plannedMs` apart. If the event loop took the first
   *  reading when the second was almost due, it was saturated, whatever the readings say. */
  report(plannedMs: number): Busyness {
    const from = this.from;
    const to = this.to ?? read();
    const wallMs = from === undefined ? 0 : to.atMs - from.atMs;
    if (from === undefined || wallMs < SHORTEST_WINDOW * plannedMs) return { cpu: 1, waiting: null };
    const waiting = to.waitMs === null || from.waitMs === null ? null : (to.waitMs - from.waitMs) / wallMs;
    return { cpu: (to.runMs - from.runMs) / wallMs + (waiting ?? 0), waiting };
  }
}

function read(): ThreadReading {
  const atMs = performance.now();
  try {
    // Nanoseconds on the CPU, nanoseconds waiting for it (Documentation/scheduler/sched-stats.rst), of the main
    // thread only.
    const [run, wait] = readFileSync('/proc/self/schedstat', 'latin1').split(' ');
    const runMs = Number(run) / 1e6;
    const waitMs = Number(wait) / 1e6;
    if (runMs > 0) return { atMs, runMs, waitMs };
  } catch {
    // Not Linux, or a kernel without schedstats: use the CPU time of the whole process instead.
  }
  const used = process.cpuUsage();
  return { atMs, runMs: (used.user + used.system) / 1000, waitMs: null };
}
