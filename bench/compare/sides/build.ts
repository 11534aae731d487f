// How a checkout is made runnable: the command of --build, or what its lock file says; run in it, for both sides alike.

import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, existsSync, fstatSync, openSync, readFileSync, readSync, statfsSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { FanwireError } from '../../../src/base/error.js';
import { readJsonFile } from '../../../src/base/json-file.js';
import { signalGroup } from '../../system/signal-child.js';
import { lastWords } from '../../targets/last-words.js';
import { shownText } from '../../targets/secrets.js';
import { buildEnvironment, type SidePlace } from './side-environment.js';

/** A build that waits for somebody never ends by itself. */
const BUILD_LIMIT_MS = 30 * 60_000;
const KEPT_OUTPUT = 16_000;
/** A build that writes without end fills the disk long before it is late. */
const MOST_OUTPUT = 1 << 30;
const WATCH_MS = 1_000;

/** The command that installs exactly what a lock file names, by the file's name. */
const INSTALLS: readonly (readonly [file: string, install: string, run: string])[] = [
  ['package-lock.json', 'npm ci --no-audit --no-fund', 'npm run build'],
  ['npm-shrinkwrap.json', 'npm ci --no-audit --no-fund', 'npm run build'],
  ['pnpm-lock.yaml', 'pnpm install --frozen-lockfile', 'pnpm run build'],
  ['yarn.lock', 'yarn install --immutable', 'yarn run build'],
  ['bun.lock', 'bun install --frozen-lockfile', 'bun run build'],
  ['bun.lockb', 'bun install --frozen-lockfile', 'bun run build'],
];

/** Where the lock file of `folder` is: in it, or above it up to `top` (a monorepo keeps one). Of several the one of the
 *  package manager that package.json names. */
function lockFileOf(folder: string, top: string): string | undefined {
  for (let at = folder; ; at = dirname(at)) {
    const names = INSTALLS.map(([file]) => file).filter((file) => existsSync(join(at, file)));
    const manager = /^(npm|pnpm|yarn|bun)@/.exec(String(manifestOf(at)?.packageManager))?.[1];
    const name = names.find((file) =>
      INSTALLS.some(([of, install]) => of === file && install.startsWith(`${manager} `)),
    );
    if (names[0] !== undefined) return join(at, name ?? names[0]);
    if (at === top || at === dirname(at)) return undefined;
  }
}

/** Whether the same content may be built with other dependencies tomorrow: it has some, and nothing locks them. */
export function isUnlocked(folder: string, top: string): boolean {
  return hasDependencies(manifestOf(folder)) && lockFileOf(folder, top) === undefined;
}

function hasDependencies(manifest: Manifest | undefined): boolean {
  return Object.keys({ ...manifest?.dependencies, ...manifest?.devDependencies }).length > 0;
}

/** The build of a folder whose --build is not given: its dependencies as locked, then its `build` script, unless
 *  `prepare` ran with the install; '' where there is nothing to build.
 *  @throws FanwireError FANWIRE_COMPARE_BUILD for a package.json that nobody can read */
export function defaultBuild(folder: string, top: string): string {
  const manifest = manifestOf(folder);
  if (manifest === undefined && existsSync(join(folder, 'package.json'))) {
    throw new FanwireError(
      'FANWIRE_COMPARE_BUILD',
      `${join(folder, 'package.json')} is no JSON object: mend it, or give --build`,
    );
  }
  if (manifest === undefined) return '';
  const scripts = manifest.scripts ?? {};
  const lock = lockFileOf(folder, top);
  const known = INSTALLS.find(([file]) => lock?.endsWith(`/${file}`));
  const isBerry = known?.[0] === 'yarn.lock' && existsSync(join(dirname(lock as string), '.yarnrc.yml'));
  const isClassicYarn = known?.[0] === 'yarn.lock' && !isBerry;
  const install = isClassicYarn
    ? 'yarn install --frozen-lockfile'
    : (known?.[1] ?? (hasDependencies(manifest) ? 'npm install --no-audit --no-fund' : ''));
  // Yarn from 2 on has no `prepare`, and others may be told to leave scripts out.
  const isPrepared = scripts.prepare !== undefined && !isBerry && install !== '' && !leavesScriptsOut(folder, top);
  const build = scripts.build === undefined || isPrepared ? '' : (known?.[2] ?? 'npm run build');
  return [install, build].filter((step) => step !== '').join(' && ');
}

function leavesScriptsOut(folder: string, top: string): boolean {
  const says = (at: string): boolean => {
    try {
      return /^\s*ignore-scripts\s*=\s*(true)?\s*$/m.test(readFileSync(join(at, '.npmrc'), 'utf8'));
    } catch {
      return false;
    }
  };
  return process.env.npm_config_ignore_scripts === 'true' || says(folder) || says(top) || says(homedir());
}

interface Manifest {
  readonly scripts?: Readonly<Record<string, string>>;
  readonly dependencies?: object;
  readonly devDependencies?: object;
  readonly packageManager?: string;
}

function manifestOf(folder: string): Manifest | undefined {
  try {
    const content: unknown = readJsonFile(join(folder, 'package.json'));
    return typeof content === 'object' && content !== null && !Array.isArray(content) ? content : undefined;
  } catch {
    return undefined;
  }
}

/** What a shell says of a package manager that is not there. */
const MANAGER_ABSENT = /\b(npm|pnpm|yarn|bun): (command )?not found/;

/** Whether what holds `file` has no room for a line. */
function isFull(file: string): boolean {
  const { bavail, bsize } = statfsSync(dirname(file));
  return bavail * bsize < LEAST_ROOM_BYTES;
}

/** A build that is stopped by a full disk leaves less. */
const LEAST_ROOM_BYTES = 64 << 10;

/** As errors show it. */
export function inOneLine(command: string): string {
  return command.trim().replace(/\s*\n\s*/g, '; ');
}

export interface Build {
  readonly label: string;
  /** Run by /bin/sh, which ends at the first line that fails. */
  readonly command: string;
  readonly place: SidePlace;
  /** Keeps the whole output. */
  readonly log: string;
  readonly signal: AbortSignal;
}

/** Runs a build to its end; an interrupt ends it with all that it started.
 *  @throws FanwireError FANWIRE_COMPARE_BUILD, and the reason of `signal` */
export async function runBuild(build: Build): Promise<void> {
  const { label, command, place, log, signal } = build;
  signal.throwIfAborted();
  // The log itself, not a pipe: what the build leaves running may write on, and keeps nobody waiting.
  const output = openSync(log, 'w+');
  let end = (): void => {};
  let killedFor = '';
  const timers: NodeJS.Timeout[] = [];
  try {
    // Of several lines each has to succeed, as in a step of a workflow: a build is never half taken.
    const child = spawn('/bin/sh', [/\n/.test(command.trim()) ? '-ec' : '-c', command], {
      cwd: place.folder,
      env: buildEnvironment(place),
      stdio: ['ignore', output, output],
      detached: true,
    });
    end = () => void signalGroup(child, 'SIGKILL');
    const kill = (why: string): void => {
      killedFor ||= why;
      end();
    };
    timers.push(setTimeout(() => kill(`did not end within ${BUILD_LIMIT_MS / 60_000} minutes`), BUILD_LIMIT_MS));
    const watch = (): void => {
      if (fstatSync(output).size > MOST_OUTPUT) kill(`wrote more than ${MOST_OUTPUT >> 20} MB`);
    };
    timers.push(setInterval(watch, WATCH_MS));
    signal.addEventListener('abort', end, { once: true });
    process.once('exit', end);
    const status = await outcomeOf(child);
    signal.throwIfAborted();
    if (status === 0) return;
    const what = killedFor || `failed (${status})`;
    const words = typeof status === 'string' && child.pid === undefined ? '' : lastWords(endOf(output));
    const said =
      (words === '' ? '' : `: ${words}`) +
      (status === 127 && MANAGER_ABSENT.test(words) ? '; install it, or say with --build how it is built' : '') +
      (isFull(log) ? '; the disk is full: free some space, or put --cache elsewhere' : '');
    throw new FanwireError(
      'FANWIRE_COMPARE_BUILD',
      `building ${label} with "${shownText(inOneLine(command))}" ${what}${said} (all it wrote: ${log})`,
    );
  } finally {
    // A watcher or server that it left running would take its share of whatever is measured.
    end();
    for (const timer of timers) clearTimeout(timer);
    signal.removeEventListener('abort', end);
    process.off('exit', end);
    closeSync(output);
  }
}

/** The exit code, or what ended it. */
function outcomeOf(child: ChildProcess): Promise<number | string> {
  return new Promise((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('exit', (code, signal) => resolve(code ?? signal ?? 'ended'));
  });
}

function endOf(file: number): string {
  const { size } = fstatSync(file);
  const bytes = Buffer.alloc(Math.min(size, KEPT_OUTPUT));
  return bytes.subarray(0, readSync(file, bytes, 0, bytes.length, size - bytes.length)).toString('utf8');
}
