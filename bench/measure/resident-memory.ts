// Resident memory of a process, as Linux reports it.
import { readFileSync } from 'node:fs';

export interface ResidentMemory {
  readonly rssBytes: number;
  /** The maximum since the process started. */
  readonly peakBytes: number;
}

/** @throws Error where there is no /proc, or the process has exited */
export function residentMemory(pid: number): ResidentMemory {
  const status = readFileSync(`/proc/${pid}/status`, 'latin1');
  const bytes = (field: RegExp) => Number(field.exec(status)?.[1] ?? 0) * 1024;
  return { rssBytes: bytes(/^VmRSS:\s+(\d+)/m), peakBytes: bytes(/^VmHWM:\s+(\d+)/m) };
}
