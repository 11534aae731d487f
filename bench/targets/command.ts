// A target started by a command line of the user's: `--cmd "node server.js {port}"`.

import { freePort } from '../system/free-port.js';
import { ServerProcess } from './server-process.js';
import type { Target, TargetDialect } from './target.js';

export interface CommandOptions {
  readonly name: string;
  readonly version: string;
  /** Run by /bin/sh. `{port}` is replaced, and PORT is set, to a free port that it must listen on (loopback). */
  readonly command: string;
  /** What an error calls it; the command unless given. */
  readonly shown?: string;
  /** Path before the topic, such as `/ws`; usually ''. */
  readonly path: string;
  readonly dialect: TargetDialect;
  readonly cores: readonly number[];
  /** Further variables of its environment. */
  readonly env?: Readonly<Record<string, string>>;
}

/** Starts the command and waits until it listens.
 *  @throws FanwireError FANWIRE_BENCH_TARGET */
export async function startCommandTarget(options: CommandOptions): Promise<Target> {
  const port = await freePort();
  const command = options.command.replaceAll('{port}', String(port));
  // exec: so that the pid is the server's own where the command is a simple one.
  const program = ['/bin/sh', '-c', `exec ${command}`];
  const server = await ServerProcess.listening(
    port,
    program,
    { ...options.env, PORT: String(port) },
    options.cores,
    options.shown,
  );
  return {
    name: options.name,
    version: options.version,
    cmd: options.command,
    urls: [`ws://127.0.0.1:${port}${options.path}`],
    dialect: options.dialect,
    pids: [server.pid],
    ending: () => server.ending(),
    stop: () => server.stop(),
  };
}
