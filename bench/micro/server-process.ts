// Starts the servers that the micro benchmarks measure, and pins them to a core.
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { pinIfPossible } from '../measure/pinning.js';
import { serveCommand } from '../targets/own-relay.js';

export interface Server {
  readonly process: ChildProcess;
  readonly port: number;
  /** A relay's admin port. */
  readonly adminPort: number | undefined;
}

type Where = 'core 0' | 'any core';

/** Starts a server that reports its port in a line of JSON. `last` is the field to wait for. */
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
    if (where === 'core 0') pinIfPossible(child.pid as number, 0);
    return { process: child, port: said.port, adminPort: said.adminPort };
  }
  throw new Error(`${args.join(' ')} ended before it listened`);
}

/** Starts `fanwire serve` on free ports. */
export function startRelay(flags: readonly string[], where: Where = 'core 0'): Promise<Server> {
  const [, ...args] = serveCommand(flags);
  return startServer(args, 'adminPort', where);
}
