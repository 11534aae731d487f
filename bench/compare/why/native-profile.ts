// What native code and the kernel do in a server, by Linux's `perf record`: V8's profiler calls all of it "(program)".
// Sampled by the CPU's clock, which needs no counters of the processor: virtual machines have it too.

import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { createInterface } from 'node:readline';
import { signalChild } from '../../system/signal-child.js';
import { temporaryFolder } from '../../system/temporary-folder.js';
import type { Stacks } from './cpu-profile.js';

const SAMPLES_PER_SECOND = 499;
/** uWS is built without frame pointers: perf keeps so much of the stack with each sample, and unwinds it afterwards. */
const STACK_BYTES = 8192;
/** Below it, every sample of a server has the same frames. */
const LOOP = /^uv_run\t/;
const JAVASCRIPT = 'JavaScript';
const LONGEST_NAME = 110;

export interface NativeRecording {
  /** µs of CPU by stack, as of V8's profiles; undefined where perf has recorded nothing. */
  read(): Promise<Stacks | undefined>;
}

/** Whether `perf record` works here: it does for root, and where kernel.perf_event_paranoid is 2 or less. */
export function canRecordNative(): boolean {
  const place = temporaryFolder('fanwire-perf-');
  try {
    const flags = ['record', '-q', '-e', 'cpu-clock', '-o', join(place, 'perf.data'), '--', 'true'];
    return spawnSync('perf', flags, { stdio: 'ignore', timeout: 10_000 }).status === 0;
  } finally {
    rmSync(place, { recursive: true, force: true });
  }
}

/** Records all threads of `pids` until it is read; they may end before. */
export function recordNative(pids: readonly number[], folder: string): NativeRecording {
  mkdirSync(folder, { recursive: true });
  const file = join(folder, 'perf.data');
  const how = ['-e', 'cpu-clock', '-F', String(SAMPLES_PER_SECOND), '--call-graph', `dwarf,${STACK_BYTES}`];
  const perf = spawn('perf', ['record', '-q', ...how, '-o', file, '-p', pids.join(',')], { stdio: 'ignore' });
  const ended = once(perf, 'close').catch(() => {});
  return {
    read: async () => {
      signalChild(perf, 'SIGINT');
      await ended;
      const script = spawn('perf', ['script', '--no-inline', '-F', 'ip,sym,dso', '-i', file], {
        stdio: ['ignore', 'pipe', 'ignore'],
      });
      script.once('error', () => {}); // no lines then
      const stacks = await stacksOf(createInterface({ input: script.stdout }));
      return stacks.size === 0 ? undefined : stacks;
    },
  };
}

/** Of `perf script`: a line a frame, the innermost first, and an empty line after each sample. */
export async function stacksOf(lines: AsyncIterable<string>): Promise<Stacks> {
  const stacks = new Map<string, number>();
  let frames: string[] = [];
  const take = (): void => {
    if (frames.length === 0) return;
    const stack = trimmed(frames.reverse()).join(';');
    stacks.set(stack, (stacks.get(stack) ?? 0) + 1e6 / SAMPLES_PER_SECOND);
    frames = [];
  };
  for await (const line of lines) {
    const frame = frameOf(line);
    if (line.trim() === '') take();
    // Compiled JavaScript has no names here: V8's own profile tells its functions apart.
    else if (frame !== undefined && !(frame === JAVASCRIPT && frames.at(-1) === JAVASCRIPT)) frames.push(frame);
  }
  take();
  return stacks;
}

/** Without what starts a program and runs its loop. */
function trimmed(frames: readonly string[]): readonly string[] {
  const loop = frames.findLastIndex((frame) => LOOP.test(frame));
  return loop < 0 || loop === frames.length - 1 ? frames : frames.slice(loop + 1);
}

/** The function, a tab and its library, as `  7f01 uWS::TopicTree::drain (/app/uws.node)` says them. */
function frameOf(line: string): string | undefined {
  const [, symbol = '', where = ''] = /^\s+[0-9a-f]+ (.*) \((.*)\)$/.exec(line) ?? [];
  if (symbol === '') return undefined;
  if (where.startsWith('//anon') || /perf-\d+\.map$/.test(where) || where === '[unknown]') return JAVASCRIPT;
  const library = where.startsWith('[') && where !== '[vdso]' ? 'kernel' : basename(where);
  const name = symbol === '[unknown]' ? '(unnamed)' : symbol.replace(/[;\t]/g, ' ');
  return `${brief(name)}\t${library}`;
}

/** C++ names with their template arguments take up to a thousand characters; both ends tell them apart. */
function brief(name: string): string {
  return name.length <= LONGEST_NAME ? name : `${name.slice(0, LONGEST_NAME - 40)}…${name.slice(-39)}`;
}
