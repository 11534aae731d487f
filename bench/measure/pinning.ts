// Keeps server and generator on separate cores with Linux's `taskset`, so that neither waits for the other.

import { execFileSync } from 'node:child_process';
import { usableCores } from '../../src/base/cpu-quota.js';

/** Which cores each side gets; both empty: nothing is pinned. */
export interface CoreSplit {
  readonly server: readonly number[];
  readonly generator: readonly number[];
}

const UNPINNED: CoreSplit = { server: [], generator: [] };

/** Gives the server its first `serverThreads` cores and the generator the rest, at least one each. Nothing is pinned if
 *  there is only one core or `taskset` is missing. */
export function splitCores(serverThreads: number): CoreSplit {
  const cores = allowedCores();
  if (cores.length < 2) return UNPINNED;
  const forServer = Math.min(Math.max(1, serverThreads), cores.length - 1);
  return { server: cores.slice(0, forServer), generator: cores.slice(forServer) };
}

/** Pins all threads of a running process; threads and children that it starts later inherit that. */
export function pinProcess(pid: number, cores: readonly number[]): void {
  if (cores.length > 0) execFileSync('taskset', ['-a', '-p', '-c', cores.join(','), String(pid)], { stdio: 'ignore' });
}

/** Like `pinProcess`, but does nothing where that fails: the ratio then only contains more of the scheduler's noise. */
export function pinIfPossible(pid: number, core: number): void {
  try {
    pinProcess(pid, [core]);
  } catch {
    // Pinning is not possible here.
  }
}

/** `command` with the prefix that makes it run on `cores`. */
export function pinnedCommand(command: readonly string[], cores: readonly number[]): string[] {
  return cores.length === 0 ? [...command] : ['taskset', '-c', cores.join(','), ...command];
}

/** Cores that this process may use according to `taskset`, at most as many as a CPU quota lets it keep busy. Empty
 *  where `taskset` is missing (macOS) or only one core can be used. */
function allowedCores(): number[] {
  const usable = usableCores();
  if (process.platform !== 'linux' || usable < 2) return [];
  try {
    const answer = execFileSync('taskset', ['-c', '-p', String(process.pid)], { encoding: 'utf8' });
    return parseCoreList(answer.slice(answer.lastIndexOf(':') + 1).trim()).slice(0, usable);
  } catch {
    return [];
  }
}

/** Parses "0,2-4" into [0, 2, 3, 4]. */
function parseCoreList(list: string): number[] {
  return list.split(',').flatMap((part) => {
    const [first, last = first] = part.split('-').map(Number);
    return Array.from({ length: (last as number) - (first as number) + 1 }, (_, i) => (first as number) + i);
  });
}
