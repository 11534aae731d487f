// Plays the life of the image in docs/ops/Dockerfile on a machine without a container engine: builds it by the file's
// own lines, starts it as process 1, as the image's user, with nothing that can be written and no network but a
// loopback; asks its health check, relays a message, and ends it by SIGTERM at many moments. Exit code 0 only where all
// of that went well. Linux, as root: `npm run image`.

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { isRunning, signalChild } from '../bench/system/signal-child.js';
import { buildImage, type Image, machineArguments } from './build-image.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const DOCKERFILE = join(ROOT, 'docs/ops/Dockerfile');

/** After process 1 hears signals, in milliseconds. Node needs 40 to listen to anything, the relay 300 to be up. */
const SIGTERM_AT_MS = [0, 1, 2, 5, 10, 20, 30, 40, 50, 75, 100, 150, 200, 300, 400, 500, 600, 800, 1000];
/** What process 1 may run, in time of the processor, before it hears signals: half of what Node needs. */
const DEAF_MS = 20;
/** On a busy machine; what matters is that it ends at all. */
const ENDS_WITHIN_MS = 60_000;
/** Number of rt_sigtimedwait on x64 and arm64. While it waits, the kernel shows what it waits for as not blocked. */
const SIGTIMEDWAIT = ['128', '137'];
const HEALTHY_WITHIN_MS = 60_000;

/** Relays a message from an HTTP publisher to a subscriber, inside. */
const RELAYS = `
  const socket = new WebSocket('ws://127.0.0.1:9001/news');
  socket.onmessage = ({ data }) => { console.log(data); process.exit(data === 'grüße' ? 0 : 1); };
  socket.onerror = () => process.exit(2);
  socket.onopen = async () => { await fetch('http://127.0.0.1:9001/publish/news', { method: 'POST', body: 'grüße' }); };
  setTimeout(() => process.exit(3), 5000);`;

interface Container {
  readonly child: ChildProcess;
  /** Process 1, as this machine numbers it. */
  readonly pid: number;
  /** When it heard signals. */
  readonly startedAt: number;
  readonly output: () => string;
  readonly exited: Promise<number | null>;
}

/** Started as `docker run --read-only --network none` would; resolves once process 1 is the image's own program and
 *  hears signals. */
async function start(image: Image): Promise<Container> {
  const args = machineArguments(image, ['--offline', '--read-only', '--pid1'], image.command);
  const child = spawn(join(ROOT, '.ci/machine'), args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk) => (output += chunk));
  const exited = new Promise<number | null>((resolve) => child.once('exit', (code) => resolve(code)));
  const program = image.command[0] as string;
  let ranAtFirst: number | undefined;
  for (const deadline = Date.now() + ENDS_WITHIN_MS; Date.now() < deadline; ) {
    const pid = child.pid === undefined ? undefined : firstInside(child.pid);
    if (pid !== undefined && runs(pid, program)) {
      ranAtFirst ??= ranMs(pid);
      if (hearsSigterm(pid)) {
        const deafMs = ranMs(pid) - ranAtFirst;
        const container = { child, pid, startedAt: performance.now(), output: () => output, exited };
        if (deafMs <= DEAF_MS) return container;
        process.kill(container.pid, 'SIGKILL');
        throw new Error(`process 1 ran for ${deafMs} ms before it heard signals: ${program}`);
      }
    }
    if (!isRunning(child)) break;
    await new Promise((resolve) => setImmediate(resolve));
  }
  signalChild(child, 'SIGKILL');
  throw new Error(`the image's process 1 did not become ${program}, or hears no SIGTERM:\n${output}`);
}

/** The process below `pid` that is process 1 of a namespace of its own. */
function firstInside(pid: number): number | undefined {
  for (const child of childrenOf(pid)) {
    if (/^NSpid:\t\d+\t1$/m.test(read(`/proc/${child}/status`))) return child;
    const deeper = firstInside(child);
    if (deeper !== undefined) return deeper;
  }
  return undefined;
}

function childrenOf(pid: number): number[] {
  try {
    const threads = readdirSync(`/proc/${pid}/task`);
    return threads
      .flatMap((thread) => read(`/proc/${pid}/task/${thread}/children`).trim().split(' ').map(Number))
      .filter(Boolean);
  } catch {
    return [];
  }
}

function runs(pid: number, program: string): boolean {
  try {
    return readlinkSync(`/proc/${pid}/exe`).endsWith(`/${program.split('/').at(-1)}`);
  } catch {
    return false;
  }
}

/** Whether SIGTERM is caught, or blocked and awaited: otherwise the kernel drops it on process 1. */
function hearsSigterm(pid: number): boolean {
  const masks = [...read(`/proc/${pid}/status`).matchAll(/^Sig(?:Blk|Cgt):\t([0-9a-f]+)$/gm)];
  const isAwaiting = SIGTIMEDWAIT.includes(read(`/proc/${pid}/syscall`).split(' ')[0] as string);
  return isAwaiting || masks.some(([, mask]) => (BigInt(`0x${mask}`) >> 14n) & 1n);
}

/** Time of the processor that it has had, in milliseconds. */
function ranMs(pid: number): number {
  return Number(read(`/proc/${pid}/schedstat`).split(' ')[0]) / 1e6;
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

/** Runs a command beside process 1, as `docker exec` does. */
function exec(container: Container, command: readonly string[]): { status: number | null; stdout: string } {
  const inside = ['--target', String(container.pid), '--all', '--root', '--wd'];
  return spawnSync('nsenter', [...inside, ...command], { encoding: 'utf8', timeout: 20_000 });
}

async function end(container: Container): Promise<number | 'no end' | null> {
  process.kill(container.pid, 'SIGTERM');
  const code = await Promise.race([container.exited, sleep(ENDS_WITHIN_MS, 'no end' as const, { ref: false })]);
  if (code === 'no end') process.kill(container.pid, 'SIGKILL');
  return code;
}

/** Health, a message, and an end in order. */
async function lives(image: Image): Promise<void> {
  const container = await start(image);
  const status = read(`/proc/${container.pid}/status`);
  const uid = /^Uid:\t(\d+)/m.exec(status)?.[1];
  if (uid === '0') throw new Error('process 1 runs as root');
  const deadline = Date.now() + HEALTHY_WITHIN_MS;
  while (exec(container, image.health).status !== 0) {
    if (Date.now() > deadline) throw new Error(`the health check does not pass:\n${container.output()}`);
    await sleep(100);
  }
  const healthyMs = Math.round(performance.now() - container.startedAt);
  const relayed = exec(container, ['node', '-e', RELAYS]);
  if (relayed.status !== 0) throw new Error(`no message was relayed (${relayed.status}): ${relayed.stdout}`);
  const code = await end(container);
  if (code !== 0) throw new Error(`SIGTERM ended it with ${code}:\n${container.output()}`);
  if (!container.output().includes('drained, bye')) throw new Error(`it did not drain:\n${container.output()}`);
  console.log(`as uid ${uid}, nothing writable, loopback only: healthy after ${healthyMs} ms, relays, drains, exit 0`);
}

async function endsAtAnyTime(image: Image): Promise<void> {
  const bad: string[] = [];
  for (const atMs of SIGTERM_AT_MS) {
    const container = await start(image);
    while (performance.now() - container.startedAt < atMs) await sleep(Math.min(1, atMs));
    const code = await end(container);
    if (code !== 0) bad.push(`SIGTERM ${atMs} ms after the start: ${code}\n${container.output()}`);
  }
  if (bad.length > 0) throw new Error(bad.join('\n'));
  console.log(`SIGTERM ${SIGTERM_AT_MS.join(', ')} ms after the start: exit 0 each time`);
}

async function main(): Promise<void> {
  const folder = mkdtempSync(join(process.env.CI_MACHINES ?? tmpdir(), 'fanwire-image-'));
  try {
    const began = performance.now();
    const image = buildImage({ root: ROOT, dockerfile: DOCKERFILE, folder, say: (line) => console.log(`  ${line}`) });
    const size = spawnSync('du', ['-sm', image.layer], { encoding: 'utf8' }).stdout.split('\t')[0];
    console.log(`built in ${Math.round((performance.now() - began) / 1000)} s, ${size} MB over its base`);
    await lives(image);
    await endsAtAnyTime(image);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

await main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
});
