// Starts a peer on a free port and gives it to an engine as a target.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { FanwireError } from '../../src/protocol/codes.js';
import type { Target } from '../targets/target.js';
import type { Peer } from './registry.js';

/** A JVM on a busy machine needs its time. */
const READY_TIMEOUT_MS = 40_000;
const POLL_MS = 25;
const STOP_TIMEOUT_MS = 3_000;
const STDERR_KEPT = 2_000;

/** Starts `peer` and resolves when it accepts connections. `prefix` goes before its command, such as `taskset -c 0`.
 *  @throws FanwireError FANWIRE_PEER_ABSENT, FANWIRE_PEER_FAILED */
export async function startPeer(peer: Peer, prefix: readonly string[] = []): Promise<Target> {
  const presence = peer.find();
  if (!presence.present) throw new FanwireError('FANWIRE_PEER_ABSENT', `peer ${peer.name}: ${presence.reason}`);
  const port = await freePort();
  const folder = mkdtempSync(join(tmpdir(), `fanwire-${peer.name}-`));
  const command = [...prefix, ...presence.command(port, folder)];
  const [program = '', ...args] = command;
  // A group of its own, so that what it forks (nginx's worker) ends with it.
  const child = spawn(program, args, { detached: true, stdio: ['ignore', 'ignore', 'pipe'] });
  const stop = async () => {
    await end(child);
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await untilListening(child, port);
  } catch (error) {
    await stop();
    const reason = error instanceof Error ? error.message : String(error);
    throw new FanwireError('FANWIRE_PEER_FAILED', `peer ${peer.name} did not start (${command.join(' ')}): ${reason}`);
  }
  return {
    name: peer.name,
    version: presence.version,
    cmd: command.join(' '),
    urls: [`ws://127.0.0.1:${port}`],
    dialect: peer.dialect,
    pids: child.pid === undefined ? [] : [child.pid],
    stop,
  };
}

async function untilListening(child: ChildProcess, port: number): Promise<void> {
  let said = '';
  let failure: string | undefined;
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-STDERR_KEPT);
  });
  child.once('error', (error) => {
    failure = error.message;
  });
  child.once('exit', (code, signal) => {
    failure ??= `it ended with ${signal ?? code}: ${said.trim()}`;
  });
  for (let waitedMs = 0; waitedMs < READY_TIMEOUT_MS; waitedMs += POLL_MS) {
    if (failure !== undefined) throw new Error(failure);
    if (await accepts(port)) return;
    await sleep(POLL_MS);
  }
  throw new Error(`it does not listen on port ${port} after ${READY_TIMEOUT_MS / 1000} s: ${said.trim()}`);
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      resolve(true);
    }).once('error', () => resolve(false));
  });
}

/** Ends the process group: politely, then for certain. */
async function end(child: ChildProcess): Promise<void> {
  const { pid } = child;
  if (pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  kill(pid, 'SIGTERM');
  const timer = setTimeout(() => kill(pid, 'SIGKILL'), STOP_TIMEOUT_MS);
  await ended;
  clearTimeout(timer);
}

function kill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch {
    // It was faster.
  }
}

/** A port that is free now. Another process may take it before the peer does; then the peer fails to start and says so. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no TCP port');
  return address.port;
}
