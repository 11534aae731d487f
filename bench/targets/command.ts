// A target that is started by the user's own command line: `--cmd "node server.js {port}"`.

import { freePort } from '../system/free-port.js';
import { shownText } from './secrets.js';
import { ServerProcess } from './server-process.js';
import { execOf } from './shell-command.js';
import type { Target, TargetDialect } from './target.js';

export interface CommandOptions {
  readonly name: string;
  readonly version: string;
  /** Run by /bin/sh. `{port}` is replaced by a free port, and PORT is set to it; the server must listen there on
   *  loopback. */
  readonly command: string;
  /** The name in errors; the command itself unless given. */
  readonly shown?: string;
  /** Path before the topic, such as `/ws`; usually ''. */
  readonly path: string;
  readonly dialect: TargetDialect;
  readonly cores: readonly number[];
  /** Additional environment variables. */
  readonly env?: Readonly<Record<string, string>>;
  /** Ends a start. */
  readonly signal?: AbortSignal;
}

/** Starts the command and waits until it listens and takes clients.
 *  @throws FanwireError FANWIRE_BENCH_TARGET, and the reason of `signal` */
export async function startCommandTarget(options: CommandOptions): Promise<Target> {
  const port = await freePort();
  const command = options.command.replaceAll('{port}', String(port));
  const program = ['/bin/sh', '-c', execOf(command)];
  const env = { ...options.env, PORT: String(port) };
  const server = await ServerProcess.listening(port, program, env, options.cores, options.shown, options.signal);
  const host = server.host.includes(':') ? `[${server.host}]` : server.host;
  const url = `ws://${host}:${port}${withSlash(options.path)}`;
  await server.takesClients(url);
  return {
    name: options.name,
    version: options.version,
    cmd: shownText(options.command),
    urls: [url],
    dialect: options.dialect,
    pids: [server.pid],
    ending: () => server.ending(),
    stop: () => server.stop(),
  };
}

function withSlash(path: string): string {
  return path === '' || path.startsWith('/') ? path : `/${path}`;
}
