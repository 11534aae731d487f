// nginx and HAProxy as docs/ops configures them, on ports and paths of the test's own.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { setTimeout as after } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { freePort } from '../../bench/system/free-port.js';
import { signalChild, signalGroup } from '../../bench/system/signal-child.js';
import type { ServeProcess } from './fanwire-process.js';
import { pathOf } from './needs.js';

export interface ReverseProxy {
  readonly port: number;
  /** Reads its configuration again; resolves when newcomers meet the new process. */
  reload(): void;
}

/** The shipped file with its ports and paths replaced. Each `from` must occur, so that the test fails when the file
 *  changes. */
function configured(file: string, replacements: readonly (readonly [from: string, to: string])[]): string {
  const path = fileURLToPath(new URL(`../../../docs/ops/${file}`, import.meta.url));
  let text = readFileSync(path, 'utf8');
  for (const [from, to] of replacements) {
    if (!text.includes(from)) throw new Error(`${file} has no ${JSON.stringify(from)}`);
    text = text.replaceAll(from, to);
  }
  return text;
}

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'fanwire-proxy-'));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** Starts `command`; the test's end kills it and what it started. */
async function started(t: TestContext, command: string, args: string[], port: number): Promise<ChildProcess> {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], detached: true });
  t.after(() => signalGroup(child, 'SIGKILL'));
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk) => (said += chunk));
  const ended = once(child, 'exit').then(() => {
    throw new Error(`${command} ended:\n${said}`);
  });
  ended.catch(() => {});
  await Promise.race([accepts(port), ended]);
  return child;
}

async function accepts(port: number): Promise<void> {
  for (;;) {
    const socket = connect(port, '127.0.0.1');
    const isOpen = await new Promise<boolean>((resolve) => {
      socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    });
    socket.destroy();
    if (isOpen) return;
    await after(20);
  }
}

export async function nginx(
  t: TestContext,
  [first, second]: readonly [ServeProcess, ServeProcess],
): Promise<ReverseProxy> {
  const port = await freePort();
  const home = folder(t);
  const text = configured('nginx.conf', [
    ['listen 8080 backlog=65535', `listen 127.0.0.1:${port}`],
    ['127.0.0.1:9001', `127.0.0.1:${first.port}`],
    ['127.0.0.1:9011', `127.0.0.1:${second.port}`],
    ['/run/nginx.pid', join(home, 'pid')],
    ['/var/log/nginx/error.log', join(home, 'error.log')],
    ['worker_processes auto', 'worker_processes 1'],
    // What an ordinary user may, and what does not take 200 MB.
    ['worker_rlimit_nofile 1048576;', ''],
    ['worker_connections 500000', 'worker_connections 2000'],
  ]);
  const file = join(home, 'nginx.conf');
  writeFileSync(file, text);
  const child = await started(t, pathOf('nginx'), ['-p', home, '-c', file, '-g', 'daemon off;'], port);
  return { port, reload: () => signalChild(child, 'SIGHUP') };
}

export async function haproxy(
  t: TestContext,
  [first, second]: readonly [ServeProcess, ServeProcess],
): Promise<ReverseProxy> {
  const port = await freePort();
  const text = configured('haproxy.cfg', [
    ['bind :8080', `bind 127.0.0.1:${port}`],
    ['127.0.0.1:9001 port 9002', `127.0.0.1:${first.port} port ${first.adminPort}`],
    ['127.0.0.1:9011 port 9012', `127.0.0.1:${second.port} port ${second.adminPort}`],
    ['maxconn 400000', 'maxconn 2000'],
  ]);
  const file = join(folder(t), 'haproxy.cfg');
  writeFileSync(file, text);
  const child = await started(t, pathOf('haproxy'), ['-W', '-db', '-f', file], port);
  return { port, reload: () => signalChild(child, 'SIGUSR2') };
}
