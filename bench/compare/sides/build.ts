// How a checkout is made runnable: the command of --build, or what its lock file says; run in it, for both sides alike.

import { type ChildProcess, spawn } from 'node:child_process';
import { createWriteStream, existsSync, readFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { FanwireError } from '../../../src/base/error.js';
import { signalGroup } from '../../system/signal-child.js';
import { lastWords } from '../../targets/last-words.js';
import { withoutRepository } from './git.js';

/** A build that waits for somebody never ends by itself. */
const BUILD_LIMIT_MS = 30 * 60_000;
const KEPT_OUTPUT = 16_000;

/** The command that installs exactly what a lock file names, by the file's name. */
const INSTALLS: readonly (readonly [file: string, install: string, run: string])[] = [
  ['package-lock.json', 'npm ci --no-audit --no-fund', 'npm run build'],
  ['npm-shrinkwrap.json', 'npm ci --no-audit --no-fund', 'npm run build'],
  ['pnpm-lock.yaml', 'pnpm install --frozen-lockfile', 'pnpm run build'],
  ['yarn.lock', 'yarn install --immutable', 'yarn run build'],
  ['bun.lock', 'bun install --frozen-lockfile', 'bun run build'],
  ['bun.lockb', 'bun install --frozen-lockfile', 'bun run build'],
];

/** Where the lock file of `folder` is: in it, or above it up to `top` (a monorepo keeps one). */
function lockFileOf(folder: string, top: string): string | undefined {
  for (let at = folder; ; at = dirname(at)) {
    const name = INSTALLS.map(([file]) => file).find((file) => existsSync(join(at, file)));
    if (name !== undefined) return join(at, name);
    if (at === top || at === dirname(at)) return undefined;
  }
}

/** The build of a folder whose --build is not given: its dependencies as locked, then its `build` script, unless
 *  `prepare` ran with the install; '' where there is nothing to build. */
export function defaultBuild(folder: string, top: string): string {
  const manifest = manifestOf(folder);
  if (manifest === undefined) return '';
  const { scripts = {}, dependencies = {}, devDependencies = {} } = manifest;
  const lock = lockFileOf(folder, top);
  const known = INSTALLS.find(([file]) => lock?.endsWith(`/${file}`));
  const isClassicYarn = known?.[0] === 'yarn.lock' && !existsSync(join(dirname(lock as string), '.yarnrc.yml'));
  const hasDependencies = Object.keys({ ...dependencies, ...devDependencies }).length > 0;
  const install = isClassicYarn
    ? 'yarn install --frozen-lockfile'
    : (known?.[1] ?? (hasDependencies ? 'npm install --no-audit --no-fund' : ''));
  const build = scripts.build === undefined || scripts.prepare !== undefined ? '' : (known?.[2] ?? 'npm run build');
  return [install, build].filter((step) => step !== '').join(' && ');
}

interface Manifest {
  readonly scripts?: Readonly<Record<string, string>>;
  readonly dependencies?: object;
  readonly devDependencies?: object;
}

function manifestOf(folder: string): Manifest | undefined {
  try {
    return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Manifest;
  } catch {
    return undefined;
  }
}

/** The environment of a build: without what `npm run` and git's hooks say of the folder that fanwire was called in, so
 *  that one side's build finds nothing of the user's, or of the other side's. */
function buildEnvironment(folder: string): NodeJS.ProcessEnv {
  const env = withoutRepository(process.env);
  for (const name of Object.keys(env)) {
    if (
      /^(npm_(package|lifecycle)_|npm_(command|execpath|node_execpath)$|npm_config_(local_)?prefix$|INIT_CWD$)/.test(
        name,
      )
    ) {
      delete env[name];
    }
  }
  const path = (env.PATH ?? '')
    .split(delimiter)
    .filter((entry) => !/node_modules\/\.bin\/?$|node-gyp-bin$/.test(entry));
  return { ...env, PATH: [join(folder, 'node_modules/.bin'), ...path].join(delimiter) };
}

export interface Build {
  readonly label: string;
  /** Run by /bin/sh. */
  readonly command: string;
  readonly folder: string;
  /** Keeps the whole output. */
  readonly log: string;
  readonly signal: AbortSignal;
}

/** Runs a build to its end; an interrupt ends it with all that it started.
 *  @throws FanwireError FANWIRE_COMPARE_BUILD, and the reason of `signal` */
export async function runBuild(build: Build): Promise<void> {
  const { label, command, folder, log, signal } = build;
  signal.throwIfAborted();
  const child = spawn('/bin/sh', ['-c', command], {
    cwd: folder,
    env: buildEnvironment(folder),
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  const end = () => signalGroup(child, 'SIGKILL');
  let isLate = false;
  const limit = setTimeout(() => {
    isLate = true;
    end();
  }, BUILD_LIMIT_MS);
  signal.addEventListener('abort', end, { once: true });
  process.once('exit', end);
  try {
    const { status, output } = await outcomeOf(child, log);
    signal.throwIfAborted();
    if (status === 0) return;
    const what = isLate ? `did not end within ${BUILD_LIMIT_MS / 60_000} minutes` : `failed (${status})`;
    const words = lastWords(output);
    const said = words === '' ? '' : `: ${words}`;
    throw new FanwireError(
      'FANWIRE_COMPARE_BUILD',
      `building ${label} with "${command}" ${what}${said} (all it wrote: ${log})`,
    );
  } finally {
    clearTimeout(limit);
    signal.removeEventListener('abort', end);
    process.off('exit', end);
  }
}

function outcomeOf(child: ChildProcess, log: string): Promise<{ status: number | string; output: string }> {
  const file = createWriteStream(log);
  file.on('error', () => {}); // A full disk fails the build itself, and that is what is reported.
  let output = '';
  const keep = (text: string): void => {
    output = (output + text).slice(-KEPT_OUTPUT);
    file.write(text);
  };
  child.stdout?.setEncoding('utf8').on('data', keep);
  child.stderr?.setEncoding('utf8').on('data', keep);
  return new Promise((resolve) => {
    const settle = (status: number | string): void => {
      file.end(() => resolve({ status, output }));
      file.once('error', () => resolve({ status, output }));
    };
    child.once('error', (error) => settle(error.message));
    // Not `close`: a server that the build left running would hold the pipes open.
    child.once('exit', (code, signal) => setImmediate(() => settle(code ?? signal ?? 'ended')));
  });
}
