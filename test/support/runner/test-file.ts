// Plays one test file in a process of its own and tells how it ended.

import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { signalChild } from '../../../bench/system/signal-child.js';
import type { Ended } from './event-reporter.js';

export interface PlayedFile {
  /** Its path. */
  readonly file: string;
  readonly isGreen: boolean;
  /** How each of its tests ended; where the process was ended from outside, those before. */
  readonly tests: readonly Ended[];
  /** What it and its tests printed. */
  readonly output: string;
  /** Its failed tests as node:test prints them at the end. */
  readonly failures: string;
  readonly ms: number;
}

const here = (file: string): string => new URL(file, import.meta.url).href;

/** @param flags for Node, `--test-name-pattern=…`
 *  @param variables added to the environment
 *  @param signal ends it early */
export async function playFile(
  file: string,
  flags: readonly string[] = [],
  variables: Readonly<Record<string, string>> = {},
  signal?: AbortSignal,
): Promise<PlayedFile> {
  const folder = mkdtempSync(join(tmpdir(), 'fanwire-test-'));
  const list = join(folder, 'tests');
  const began = performance.now();
  try {
    const reporters = [
      ...['--test-reporter', 'spec', '--test-reporter-destination', 'stdout'],
      ...['--test-reporter', here('./event-reporter.js'), '--test-reporter-destination', list],
    ];
    const { NODE_TEST_CONTEXT: _, ...inherited } = process.env;
    const child = spawn(process.execPath, ['--import', here('./limits.js'), ...reporters, ...flags, file], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...inherited, ...variables },
    });
    // As Ctrl+C does, which has reached it already where there is a terminal.
    const stop = () => signalChild(child, 'SIGINT');
    signal?.addEventListener('abort', stop);
    if (signal?.aborted) stop();
    let printed = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (chunk: string) => (printed += chunk));
    }
    const ended = await new Promise<string>((resolve) => {
      child.once('error', (error) => resolve(error.message));
      // What a test left running may hold the pipes: the file has ended all the same.
      child.once('exit', (code, by) => setTimeout(() => resolve(endOf(code, by)), PIPES_MS).unref());
      child.once('close', (code, by) => resolve(endOf(code, by)));
    });
    signal?.removeEventListener('abort', stop);
    for (const stream of [child.stdout, child.stderr]) stream.destroy();
    const tests = existsSync(list) ? readTests(list) : [];
    const [output, failures] = split(printed, file);
    const hasFailed = tests.some(({ how }) => how === 'failed');
    const isTold = ended === '' || (hasFailed && ended === endOf(1, null));
    const own = isTold ? [] : [{ name: nameOf(file), how: 'failed' as const, why: ended }];
    return {
      file,
      isGreen: ended === '' && !hasFailed,
      tests: [...tests, ...own],
      output,
      failures: own.length === 0 ? failures : `${failures}\n✖ ${nameOf(file)}: ${ended}\n`,
      ms: performance.now() - began,
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const PIPES_MS = 2000;

/** '' for a good end. */
function endOf(code: number | null, signal: NodeJS.Signals | null): string {
  if (code === 0) return '';
  return code === null ? `was ended by ${signal}` : `ended with ${code}`;
}

/** As the source has it: `relay/raw.test.ts`. */
export function nameOf(file: string): string {
  return relative(TESTS, file).replace(/\.js$/, '.ts');
}

/** Where the built tests are. */
export const TESTS = fileURLToPath(new URL('../../', import.meta.url));

function readTests(list: string): Ended[] {
  // The last line is half of one where the process was killed.
  return readFileSync(list, 'utf8')
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as Ended);
}

/** What was printed up to node:test's own summary, and the failures behind it. A place that is the runner's own
 *  module becomes the file's name. */
function split(printed: string, file: string): [output: string, failures: string] {
  const end = /^\S*ℹ tests \d+/m.exec(printed)?.index ?? printed.length;
  const failures = /failing tests:.*\n([\s\S]*)/.exec(printed.slice(end))?.[1] ?? '';
  return [
    printed.slice(0, end),
    failures.replace(/^test at \S*runner\/limited-test\.js:\d+:\d+$/gm, `in ${nameOf(file)}`),
  ];
}
