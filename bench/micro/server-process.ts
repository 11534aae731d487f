// Servers under a micro benchmark: started, pinned to a core, and what is said of their samples.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

export interface Server {
  readonly process: ChildProcess;
  readonly port: number;
}

/** Binds a process to one core. */
export function pin(pid: number, core: number): void {
  try {
    execFileSync('taskset', ['-acp', String(core), String(pid)], { stdio: 'ignore' });
  } catch {
    // macOS has no taskset; the ratios then carry the scheduler's noise.
  }
}

/** Starts a server that says its port in a line of JSON, on core 0. */
export async function startServer(args: string[]): Promise<Server> {
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  for await (const line of createInterface({ input: child.stdout })) {
    const { port, msg } = JSON.parse(line) as { port?: number; msg?: string };
    if (port === undefined || msg?.includes('starting')) continue;
    child.stdout.resume();
    pin(child.pid as number, 0);
    return { process: child, port };
  }
  throw new Error(`${args.join(' ')} ended before it listened`);
}

export function median(values: number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const mid = sorted.length >> 1;
  return sorted.length % 2 === 1
    ? (sorted[mid] as number)
    : ((sorted[mid - 1] as number) + (sorted[mid] as number)) / 2;
}
