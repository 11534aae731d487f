// What the kernel knows of a process, and waiting for it to become true. Linux only: it reads /proc.
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as after } from 'node:timers/promises';
import { needsProc } from './needs.js';

/** Options of a test that reads /proc. */
export const ONLY_LINUX = needsProc;

/** Resident memory of a process, in bytes. */
export function rssBytes(pid: number): number {
  const kilobytes = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return Number(kilobytes) * 1024;
}

/** Files and sockets a process has open. */
export function openFiles(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length;
}

/** CPU time of a process, in seconds; the kernel counts in ticks of 10 ms. */
export function cpuSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

export function megabytes(bytes: number): string {
  return `${Math.round(bytes / (1 << 20))} MB`;
}

/** Resolves once `fact` holds. What another process does can only be asked for again and again; gives up after
 *  `withinMs`. */
export async function until(what: string, fact: () => boolean, withinMs = 30_000): Promise<void> {
  const deadline = performance.now() + withinMs;
  while (!fact()) {
    if (performance.now() > deadline) throw new Error(`waited ${withinMs} ms in vain: ${what}`);
    await after(20);
  }
}
