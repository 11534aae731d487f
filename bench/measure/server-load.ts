// CPU and memory of the server under test as a series, read from outside by pid, including child processes.

import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { processCpuSeconds } from './cpu-time.js';
import { type ResidentMemory, residentMemory } from './resident-memory.js';

/** One reading, summed over all processes of the server. */
export interface LoadSample {
  /** ms since the sampler started. */
  readonly t: number;
  /** CPU seconds used so far, user and system. */
  readonly cpuS: number;
  readonly rssBytes: number;
  /** The kernel's maximum since the processes started (VmHWM); 0 where it is not reported. */
  readonly rssPeakBytes: number;
}

export class ServerLoad {
  readonly samples: LoadSample[] = [];
  private readonly startMs = performance.now();
  private readonly timer: NodeJS.Timeout;

  constructor(
    private readonly pids: readonly number[],
    intervalMs: number,
  ) {
    this.read();
    this.timer = setInterval(() => this.read(), intervalMs);
    this.timer.unref();
  }

  /** Takes a sample now and keeps it; undefined when no process of the server exists. */
  read(): LoadSample | undefined {
    const processes = readProcesses(this.pids);
    if (processes.length === 0) return undefined;
    const sample = {
      t: performance.now() - this.startMs,
      cpuS: processes.reduce((sum, { cpuS }) => sum + cpuS, 0),
      rssBytes: processes.reduce((sum, { rssBytes }) => sum + rssBytes, 0),
      rssPeakBytes: processes.reduce((sum, { rssPeakBytes }) => sum + rssPeakBytes, 0),
    };
    this.samples.push(sample);
    return sample;
  }

  stop(): void {
    clearInterval(this.timer);
  }

  /** Largest resident memory while sampling: the kernel's maximum if that rose while sampling, else the largest sample.
   *  */
  get rssMaxBytes(): number {
    const sampled = this.samples.reduce((most, { rssBytes }) => Math.max(most, rssBytes), 0);
    const first = this.samples[0];
    const last = this.samples.at(-1);
    if (first === undefined || last === undefined || last.rssPeakBytes <= first.rssPeakBytes) return sampled;
    return Math.max(sampled, last.rssPeakBytes);
  }

  /** Cores used in the `lengthMs` before `t`, and resident memory at `t`; null without samples around it. */
  at(t: number, lengthMs: number): { readonly cpu: number; readonly rssBytes: number } | null {
    const to = nearest(this.samples, t);
    const from = nearest(this.samples, t - lengthMs);
    if (to === undefined || from === undefined || to.t <= from.t) return null;
    // A child process that ended no longer counts, so the sum can fall.
    return { cpu: Math.max(0, ((to.cpuS - from.cpuS) * 1000) / (to.t - from.t)), rssBytes: to.rssBytes };
  }
}

function nearest(samples: readonly LoadSample[], t: number): LoadSample | undefined {
  let best: LoadSample | undefined;
  for (const sample of samples) {
    if (best === undefined || Math.abs(sample.t - t) < Math.abs(best.t - t)) best = sample;
  }
  return best;
}

type ProcessLoad = Omit<LoadSample, 't'>;

/** CPU seconds used so far by the processes `pids` and those of their descendants that still run. */
export function cpuSecondsOf(pids: readonly number[]): number {
  return readProcesses(pids).reduce((sum, { cpuS }) => sum + cpuS, 0);
}

/** The processes `pids`, their descendants, and those of the groups that they lead: `npm start` is a server's parent,
 *  and does nothing of its work. */
export function processesOf(pids: readonly number[]): number[] {
  return process.platform === 'linux' && pids.length > 0 ? familyOf(pids) : [...pids];
}

/** The processes `pids` and those of their descendants that still run. */
function readProcesses(pids: readonly number[]): ProcessLoad[] {
  if (pids.length === 0) return [];
  return process.platform === 'linux' ? readProc(pids) : readPs(pids);
}

export function readProc(pids: readonly number[]): ProcessLoad[] {
  return familyOf(pids).map((pid) => {
    const { rssBytes, peakBytes } = memoryOrNone(pid);
    return { cpuS: processCpuSeconds(pid), rssBytes, rssPeakBytes: peakBytes };
  });
}

function familyOf(pids: readonly number[]): number[] {
  const wanted = new Set(pids);
  const found: number[] = [];
  // Sorted by pid, so that a child, whose pid is nearly always higher, comes after its parent.
  const all = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .sort((a, b) => a - b);
  for (const pid of all) {
    const fields = statFields(pid);
    if (fields === undefined) continue;
    // proc_pid_stat(5): state, parent, group. One that has ended and is not yet waited for does nothing more.
    const [state, parent, group] = fields;
    if (state === 'Z' || ![pid, Number(parent), Number(group)].some((one) => wanted.has(one))) continue;
    wanted.add(pid);
    found.push(pid);
  }
  return found;
}

/** Fields of /proc/PID/stat after the command's name, which may contain spaces and parentheses. */
function statFields(pid: number): string[] | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  } catch {
    return undefined;
  }
}

/** All zero where the process has ended since it was listed. */
function memoryOrNone(pid: number): ResidentMemory {
  try {
    return residentMemory(pid);
  } catch {
    return { rssBytes: 0, peakBytes: 0 };
  }
}

/** macOS: `ps` prints CPU time as [[d-]h:]m:s.cc, and memory in KiB. */
export function readPs(pids: readonly number[]): ProcessLoad[] {
  const wanted = new Set(pids);
  const found: ProcessLoad[] = [];
  const listing = execFileSync('ps', ['-A', '-o', 'pid=,ppid=,rss=,time='], { encoding: 'utf8' });
  for (const line of listing.trim().split('\n')) {
    const [pid, ppid, rss, time] = line.trim().split(/\s+/);
    if (!wanted.has(Number(pid)) && !wanted.has(Number(ppid))) continue;
    wanted.add(Number(pid));
    found.push({ cpuS: parsePsTime(time as string), rssBytes: Number(rss) * 1024, rssPeakBytes: 0 });
  }
  return found;
}

/** Converts "1-02:03:04.50" to seconds. */
export function parsePsTime(time: string): number {
  const [clock, days] = time.split('-').reverse();
  const seconds = (clock as string).split(':').reduce((sum, part) => sum * 60 + Number(part), 0);
  return seconds + Number(days ?? 0) * 86_400;
}
