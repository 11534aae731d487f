// Starts a peer on a free port and gives it to an engine as a target.

import { rmSync } from 'node:fs';
import { FanwireError } from '../../src/base/error.js';
import { freePort } from '../system/free-port.js';
import { temporaryFolder } from '../system/temporary-folder.js';
import { ServerProcess } from '../targets/server-process.js';
import type { Target } from '../targets/target.js';
import type { Peer } from './registry.js';

/** Starts `peer` on `cores` (empty: wherever the kernel puts it) and resolves when it accepts connections.
 *  @throws FanwireError FANWIRE_BENCH_PEER_ABSENT, FANWIRE_BENCH_TARGET */
export async function startPeer(peer: Peer, cores: readonly number[] = []): Promise<Target> {
  const presence = peer.find();
  if (!presence.present) throw new FanwireError('FANWIRE_BENCH_PEER_ABSENT', `peer ${peer.name}: ${presence.reason}`);
  const port = await freePort();
  const folder = temporaryFolder(`fanwire-${peer.name}-`);
  const command = presence.command(port, folder);
  const clear = () => rmSync(folder, { recursive: true, force: true });
  const server = await ServerProcess.listening(port, command, {}, cores).catch((error: unknown) => {
    clear();
    throw error;
  });
  return {
    name: peer.name,
    version: presence.version,
    cmd: command.join(' '),
    urls: [`ws://127.0.0.1:${port}`],
    dialect: peer.dialect,
    pids: [server.pid],
    stop: () => server.stop().then(clear),
  };
}
