// Runs the built `fanwire` command as its own process, and ends it with the test that started it.
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { TestContext } from 'node:test';
import { signalChild } from '../../bench/system/signal-child.js';
import { ADMIN_LISTENING, LISTENING, OWN_CLI, portOf } from '../../bench/targets/own-relay.js';

export interface FanwireProcess {
  readonly child: ChildProcessWithoutNullStreams;
  readonly stdout: () => string;
  readonly stderr: () => string;
  /** Resolves once the combined output matches; rejects, with that output, where the process ends before. */
  readonly seen: (pattern: RegExp) => Promise<RegExpExecArray>;
  readonly exited: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
}

type Environment = Record<string, string>;

/** Starts `fanwire …args`; of the parent's FANWIRE_ variables it sees none. `shell` is what a shell does first and how
 *  it runs the command ("$@"): `ulimit -n 200; exec "$@"`. */
export function fanwire(
  t: TestContext,
  args: readonly string[],
  env: Environment = {},
  shell = 'exec "$@"',
): FanwireProcess {
  return nodeProcess(t, [OWN_CLI, ...args], env, shell);
}

/** Starts `node …args` in the same way. */
export function nodeProcess(
  t: TestContext,
  args: readonly string[],
  env: Environment = {},
  shell = 'exec "$@"',
): FanwireProcess {
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('FANWIRE_'));
  const child = spawn('/bin/sh', ['-c', shell, 'sh', process.execPath, ...args], {
    env: { ...Object.fromEntries(inherited), ...env },
  });
  t.after(() => signalChild(child, 'SIGKILL'));
  let stdout = '';
  let stderr = '';
  const checks = new Set<() => void>();
  const exited = once(child, 'close').then(([code, signal]) => ({ code, signal }));
  child.stdin.on('error', () => {}); // EPIPE, where it exits without reading
  // A character may come in two chunks.
  child.stdout.setEncoding('utf8');
  child.stderr.setEncoding('utf8');
  child.stdout.on('data', (chunk) => {
    stdout += chunk;
    for (const check of checks) check();
  });
  child.stderr.on('data', (chunk) => {
    stderr += chunk;
    for (const check of checks) check();
  });
  const seen = (pattern: RegExp) =>
    new Promise<RegExpExecArray>((resolve, reject) => {
      const check = () => {
        const match = pattern.exec(stdout + stderr);
        if (!match) return;
        checks.delete(check);
        resolve(match);
      };
      checks.add(check);
      check();
      exited.then(() => reject(new Error(`ended without ${pattern}; it wrote:\n${stdout}${stderr}`)));
    });
  return { child, stdout: () => stdout, stderr: () => stderr, seen, exited };
}

export interface Finished {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs `fanwire …args` to its end, with `input` as its stdin. */
export async function runFanwire(
  t: TestContext,
  args: readonly string[],
  { input = '' as string | Uint8Array, env = {} as Environment } = {},
): Promise<Finished> {
  const started = fanwire(t, args, env);
  started.child.stdin.end(input);
  const { code } = await started.exited;
  return { code, stdout: started.stdout(), stderr: started.stderr() };
}

/** The port of the relay that `started` runs, once it listens. */
export async function listeningPort(started: FanwireProcess): Promise<number> {
  return portOf((await started.seen(LISTENING))[1] as string);
}

export interface ServeProcess extends FanwireProcess {
  readonly port: number;
  readonly adminPort: number;
  /** ws://127.0.0.1:port/topic */
  readonly url: (topic: string) => string;
}

/** A relay as its users run it, on free ports. */
export async function serve(
  t: TestContext,
  args: readonly string[] = [],
  env: Environment = {},
  shell?: string,
  drain = ['--drain-ms', '0'],
): Promise<ServeProcess> {
  const started = fanwire(t, ['serve', '--port', '0', '--admin-port', '0', ...drain, ...args], env, shell);
  const port = await listeningPort(started);
  // The last of its listeners: only now has it opened all that it holds open by itself.
  const adminPort = portOf((await started.seen(ADMIN_LISTENING))[1] as string);
  return { ...started, port, adminPort, url: (topic) => `ws://127.0.0.1:${port}/${encodeURIComponent(topic)}` };
}
