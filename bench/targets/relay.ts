// The default target: fanwire itself, started for the run on a free port, as one process or as several nodes.

import { uwsBuild } from '../../src/base/uws-build.js';
import { version } from '../../src/base/version.js';
import { requireSockets } from '../measure/file-limit.js';
import { startBroker } from './broker.js';
import { ADMIN_LISTENING, OWN_CLI, serveCommand, urlIn, valuesOf } from './own-relay.js';
import { shownText } from './secrets.js';
import { ServerProcess } from './server-process.js';
import type { Target, TargetDialect } from './target.js';

export interface RelayTargetOptions {
  readonly nodes: number;
  readonly workers: number;
  readonly dialect: Exclude<TargetDialect, 'socket.io'>;
  /** Additional flags of `fanwire serve`, such as `--slow-consumer drop`. */
  readonly flags: readonly string[];
  readonly cores: readonly number[];
  /** Additional environment variables. */
  readonly env?: Readonly<Record<string, string>>;
  /** The `fanwire` to start; this build's own unless given (a comparison starts another build's). */
  readonly cli?: string;
  /** The name in results; 'fanwire' unless given. */
  readonly name?: string;
  /** Whether to wait for the admin port too, and to set `adminUrl` (of the first node). */
  readonly hasAdmin?: boolean;
  /** Ends a start. */
  readonly signal?: AbortSignal;
  /** Connections that it must be able to hold; checked against the limit on open files. */
  readonly connections: number;
}

/** Starts the relay. Several nodes get a broker between them, unless `flags` name one.
 *  @throws FanwireError FANWIRE_BENCH_FILE_LIMIT, FANWIRE_BENCH_NO_BROKER, FANWIRE_BENCH_TARGET, and the
 *  reason of `signal` */
export async function startRelayTarget(options: RelayTargetOptions): Promise<Target> {
  const { nodes, workers, cores, flags, cli = OWN_CLI, name = 'fanwire' } = options;
  requireSockets('the relay', options.connections, nodes, 'or spread them with --nodes');
  const broker = nodes > 1 && valuesOf(flags, '--cluster').length === 0 ? await startBroker(cores) : undefined;
  const cluster = broker === undefined ? [] : ['--cluster', broker.url];
  const command = serveCommand(['--workers', String(workers), ...cluster, ...flags], cli);
  const start = (): ServerProcess => new ServerProcess(command, options.env ?? {}, cores, undefined, options.signal);
  const servers = Array.from({ length: nodes }, start);
  const stop = async () => {
    await Promise.all(servers.map((server) => server.stop()));
    await broker?.stop();
  };
  try {
    const urls = await Promise.all(servers.map((server) => server.findInOutput((output) => urlIn(output))));
    const first = servers[0] as ServerProcess;
    const adminUrl = options.hasAdmin
      ? await first.findInOutput((output) => urlIn(output, ADMIN_LISTENING))
      : undefined;
    const count = nodes === 1 ? '' : `${nodes} × `;
    return {
      ...(adminUrl === undefined ? {} : { adminUrl }),
      name,
      version,
      cmd: count + shownText(['fanwire', ...command.slice(2)].join(' ')),
      uws: uwsBuild(cli),
      urls,
      dialect: options.dialect,
      // The broker works for the cluster, so its CPU and memory count too.
      pids: [...servers.map(({ pid }) => pid), ...(broker === undefined ? [] : [broker.pid])],
      ending: () => servers.map((server) => server.ending()).find((ending) => ending !== undefined),
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}
