// The two sides of a comparison: a git ref, a folder, a URL or a command becomes something that can be started again and again.

import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { FanwireError } from '../../src/protocol/codes.js';
import { makeFolder } from '../run/make-folder.js';
import { startCommandTarget } from '../targets/command.js';
import { startRelayTarget } from '../targets/relay.js';
import type { Target } from '../targets/target.js';
import { urlTarget } from '../targets/url.js';

export interface Side {
  /** As given: `origin/main`, `./other`, `ws://…`, `node server.js {port}`. */
  readonly spec: string;
  /** What reports call it: the spec, with the commit where it has one. */
  readonly label: string;
  /** Whether it is a folder or checkout: only those are built and started by what the options say. */
  readonly isBuilt: boolean;
  /** Starts a fresh server on `cores`; a URL's server is used as it is. */
  start(cores: readonly number[], connections: number): Promise<Target>;
}

export interface SideOptions {
  /** Run in a checkout or folder to make it runnable. */
  readonly build: string;
  /** Run in it to start the server, `{port}` standing for the port; '': it is fanwire, and its `serve` is started. */
  readonly start: string;
  /** Further flags for `fanwire serve`. */
  readonly serveFlags: readonly string[];
  /** Where checkouts are kept, by commit. */
  readonly cacheFolder: string;
  /** Told what takes long. */
  readonly say: (line: string) => void;
}

/** Recognises `spec` in the order URL, folder, git ref, command; builds what has to be built.
 *  @throws FanwireError FANWIRE_USAGE_SIDE for a spec that is none of them, FANWIRE_COMPARE_BUILD when the build fails */
export function resolveSide(flag: string, spec: string, options: SideOptions): Side {
  if (/^wss?:\/\//.test(spec)) {
    return { spec, label: spec, isBuilt: false, start: async () => urlTarget([spec], 'raw', []) };
  }
  if (existsSync(join(spec, 'package.json'))) {
    const folder = resolve(spec);
    const label = folderLabel(spec, folder);
    return { spec, label, isBuilt: true, start: starter(builtFolder(folder, options), label, options) };
  }
  const commit = commitOf(spec);
  if (commit !== undefined) {
    const label = commit.startsWith(spec) ? commit.slice(0, 9) : `${spec} (${commit.slice(0, 9)})`;
    return { spec, label, isBuilt: true, start: starter(checkout(commit, options), label, options) };
  }
  if (/\s/.test(spec)) {
    const command = { name: spec, version: '', command: spec, path: '', dialect: 'raw' as const };
    return { spec, label: spec, isBuilt: false, start: (cores) => startCommandTarget({ ...command, cores }) };
  }
  throw new FanwireError(
    'FANWIRE_USAGE_SIDE',
    `--${flag} "${spec}" is no ws:// URL, no folder with a package.json, no commit of this repository and no command with arguments`,
  );
}

function starter(folder: string, label: string, options: SideOptions): Side['start'] {
  if (options.start !== '') {
    const command = `cd ${JSON.stringify(folder)} && exec ${options.start}`;
    return (cores) =>
      startCommandTarget({
        name: label,
        version: '',
        command: `sh -c '${command.replace(/'/g, `'\\''`)}'`,
        path: '',
        dialect: 'raw',
        cores,
      });
  }
  const cli = join(folder, 'dist/src/cli.js');
  if (!existsSync(cli)) {
    throw new FanwireError(
      'FANWIRE_USAGE_SIDE',
      `${label} has no dist/src/cli.js, so it is not a built fanwire: say how it is built with --build and started with --start "node server.js {port}"`,
    );
  }
  return (cores, connections) =>
    startRelayTarget({
      nodes: 1,
      workers: 1,
      dialect: 'raw',
      flags: options.serveFlags,
      cores,
      connections,
      cli,
      name: label,
    });
}

/** A folder is the user's: it is built only when it was not. */
function builtFolder(folder: string, options: SideOptions): string {
  if (options.start === '' && !existsSync(join(folder, 'dist/src/cli.js'))) build(folder, folder, options);
  return folder;
}

/** The folder as given, with the commit it stands on and whether it has changes of its own. */
function folderLabel(spec: string, folder: string): string {
  try {
    const commit = git(['-C', folder, 'rev-parse', '--short=9', 'HEAD']).trim();
    const changes = git(['-C', folder, 'status', '--porcelain']).trim() === '' ? '' : ' with changes';
    return `${spec === '.' ? 'this folder' : spec} (${commit}${changes})`;
  } catch {
    return spec;
  }
}

function commitOf(ref: string): string | undefined {
  try {
    return git(['rev-parse', '--verify', '--quiet', '--end-of-options', `${ref}^{commit}`]).trim();
  } catch {
    return undefined;
  }
}

function git(args: string[]): string {
  return execFileSync('git', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

/** The folder of a built checkout of `commit`, made where the cache has none. */
function checkout(commit: string, options: SideOptions): string {
  const folder = resolve(options.cacheFolder, commit);
  const done = join(folder, '.fanwire-built');
  if (existsSync(done)) return folder;
  makeCache(options.cacheFolder);
  // `prune` forgets worktrees whose folder somebody deleted; `--force` takes over a half-made one.
  git(['worktree', 'prune']);
  if (!existsSync(join(folder, '.git'))) git(['worktree', 'add', '--force', '--detach', folder, commit]);
  reuseModules(folder);
  build(folder, commit.slice(0, 9), options);
  writeFileSync(done, `${new Date().toISOString()}\n`);
  return folder;
}

function makeCache(folder: string): void {
  try {
    makeFolder(folder);
  } catch (error) {
    throw new FanwireError('FANWIRE_USAGE_CACHE', `cannot make --cache ${folder}: ${(error as Error).message}`);
  }
}

/** With the same lock file the modules are the same: they are linked instead of downloaded (uWebSockets.js alone is 257 MB). */
function reuseModules(folder: string): void {
  const lock = (of: string): string => {
    try {
      return readFileSync(join(of, 'package-lock.json'), 'utf8');
    } catch {
      return '';
    }
  };
  const here = process.cwd();
  if (lock(here) === '' || lock(here) !== lock(folder) || !existsSync(join(here, 'node_modules'))) return;
  if (existsSync(join(folder, 'node_modules'))) return;
  try {
    execFileSync('cp', ['-al', join(here, 'node_modules'), join(folder, 'node_modules')], { stdio: 'ignore' });
  } catch {
    cpSync(join(here, 'node_modules'), join(folder, 'node_modules'), { recursive: true });
  }
}

function build(folder: string, label: string, options: SideOptions): void {
  const command =
    options.build !== '' ? options.build : existsSync(join(folder, 'node_modules')) ? 'npm run build' : 'npm ci';
  options.say(`building ${label}: ${command}`);
  try {
    execFileSync('/bin/sh', ['-c', command], { cwd: folder, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  } catch (error) {
    const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string };
    const tail = `${stdout}${stderr}`.trim().split('\n').slice(-8).join('\n');
    throw new FanwireError('FANWIRE_COMPARE_BUILD', `building ${label} with "${command}" failed:\n${tail}`);
  }
}
