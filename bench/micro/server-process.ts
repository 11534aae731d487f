// Servers under a micro benchmark: started, pinned to a core, and what is said of their samples.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

export interface Server {
  readonly process: ChildProcess;
  readonly port: number;
  /** A relay's admin port. */
  readonly adminPort: number | undefined;
}

/** Binds a process to one core. */
export function pin(pid: number, core: number): void {
  try {
    execFileSync('taskset', ['-acp', String(core), String(pid)], { stdio: 'ignore' });
  } catch {
    // macOS has no taskset; the ratios then carry the scheduler's noise.
  }
}

type Where = 'core 0' | 'any core';

/** Starts a server that says its port in a line of JSON. `last` is what the line says that it is waited for. */
export async function startServer(
  args: string[],
  last: 'port' | 'adminPort' = 'port',
  where: Where = 'core 0',
): Promise<Server> {
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const said: { port?: number; adminPort?: number } = {};
  for await (const line of createInterface({ input: child.stdout })) {
    Object.assign(said, JSON.parse(line));
    if (said.port === undefined || said[last] === undefined) continue;
    child.stdout.resume();
    if (where === 'core 0') pin(child.pid as number, 0);
    return { process: child, port: said.port, adminPort: said.adminPort };
  }
  throw new Error(`${args.join(' ')} ended before it listened`);
}

/** Starts `fanwire serve` on free ports. */
export function startRelay(flags: readonly string[], where: Where = 'core 0'): Promise<Server> {
  const cli = fileURLToPath(new URL('../../src/cli.js', import.meta.url));
  const ports = ['--port', '0', '--admin-port', '0', '--log-format', 'json'];
  return startServer([cli, 'serve', ...ports, ...flags], 'adminPort', where);
}

export function median(values: number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const mid = sorted.length >> 1;
  return sorted.length % 2 === 1
    ? (sorted[mid] as number)
    : ((sorted[mid - 1] as number) + (sorted[mid] as number)) / 2;
}
