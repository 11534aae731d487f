// The default target: fanwire itself, started for the run on a free port, one process or several nodes.

import { fileURLToPath } from 'node:url';
import { version } from '../../src/version.js';
import { requireSockets } from '../file-limit.js';
import { ServerProcess } from './server-process.js';
import type { Dialect, Target } from './target.js';

const CLI = fileURLToPath(new URL('../../src/cli.js', import.meta.url));
const ADMIN = /"msg":"admin on (http:\/\/[^"]+)"/;
const LISTENING = /"msg":"listening on (ws[s]?:\/\/[^"]+)"/;

export interface RelayOptions {
  readonly nodes: number;
  readonly workers: number;
  readonly dialect: Exclude<Dialect, 'socket.io'>;
  /** Further flags of `fanwire serve`, such as `--slow-consumer drop`. */
  readonly flags: readonly string[];
  readonly cores: readonly number[];
  /** The `fanwire` to start; this one's own unless given (a comparison starts another build's). */
  readonly cli?: string;
  /** What results call it; 'fanwire' unless given. */
  readonly name?: string;
  /** Waits for the admin port as well, and tells its URL (the first node's). */
  readonly hasAdmin?: boolean;
  /** Connections it must hold, checked against the limit on open files. */
  readonly connections: number;
}

/** Starts the relay.
 *  @throws FanwireError FANWIRE_BENCH_FILE_LIMIT, FANWIRE_BENCH_TARGET */
export async function startRelayTarget(options: RelayOptions): Promise<Target> {
  const { nodes, workers, cores, cli = CLI, name = 'fanwire' } = options;
  requireSockets('the relay', options.connections, nodes, 'or spread them with --nodes');
  const flags = [
    '--port',
    '0',
    '--admin-port',
    '0',
    '--workers',
    String(workers),
    '--drain-ms',
    '0',
    '--log-format',
    'json',
  ];
  const command = [process.execPath, cli, 'serve', ...flags, ...options.flags];
  const servers = Array.from({ length: nodes }, () => new ServerProcess(command, {}, cores));
  const stop = async () => {
    await Promise.all(servers.map((server) => server.stop()));
  };
  try {
    const urls = await Promise.all(
      servers.map((server) => server.findInOutput((output) => LISTENING.exec(output)?.[1])),
    );
    const first = servers[0] as ServerProcess;
    const adminUrl = options.hasAdmin ? await first.findInOutput((output) => ADMIN.exec(output)?.[1]) : undefined;
    return {
      ...(adminUrl === undefined ? {} : { adminUrl }),
      name,
      version,
      cmd: ['fanwire', ...command.slice(2)].join(' '),
      urls,
      dialect: options.dialect,
      pids: servers.map(({ pid }) => pid),
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}
