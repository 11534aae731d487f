// The NATS server that connects the relays of a `--nodes` run. It is started with them unless the user names one.

import { FanwireError } from '../../src/base/error.js';
import { findProgram } from '../system/find-program.js';
import { freePort } from '../system/free-port.js';
import { ServerProcess } from './server-process.js';

export interface Broker {
  readonly url: string;
  readonly pid: number;
  stop(): Promise<void>;
}

/** Starts `nats-server` on a free loopback port.
 *  @throws FanwireError FANWIRE_BENCH_NO_BROKER, FANWIRE_BENCH_TARGET */
export async function startBroker(cores: readonly number[]): Promise<Broker> {
  const binary = findProgram('nats-server');
  if (binary === undefined) {
    throw new FanwireError(
      'FANWIRE_BENCH_NO_BROKER',
      '--nodes needs a NATS server to join the relays and nats-server is not on PATH: install it (apt-get install nats-server), or ' +
        'name a running one with --serve "--cluster nats://host:4222"',
    );
  }
  const port = await freePort();
  const server = await ServerProcess.listening(port, [binary, '-a', '127.0.0.1', '-p', String(port)], {}, cores);
  return { url: `nats://127.0.0.1:${port}`, pid: server.pid, stop: () => server.stop() };
}
