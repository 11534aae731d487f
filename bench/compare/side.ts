// The two sides of a comparison: a git ref, a folder, a URL or a command becomes something that can be started again
// and again.
//
// Folders and refs are built from a clean checkout of their own, whichever they are: what lies about in the user's
// folder (old build output, patched modules) is not what a pull request changes, and nothing that a side's build writes
// reaches the other side.

import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { FanwireError } from '../../src/base/error.js';
import { isDirectory } from '../../src/base/is-directory.js';
import { startCommandTarget } from '../targets/command.js';
import { startRelayTarget } from '../targets/relay.js';
import { shownText } from '../targets/secrets.js';
import { execOf } from '../targets/shell-command.js';
import { shownUrl, type Target, type TargetDialect } from '../targets/target.js';
import { urlTarget } from '../targets/url.js';
import { defaultBuild, inOneLine, isUnlocked, runBuild } from './sides/build.js';
import { CheckoutCache, digest } from './sides/cache.js';
import { commitOf } from './sides/repository.js';
import { commandIn, type SidePlace, startVariables, variablesOf } from './sides/side-environment.js';
import { commitSource, folderSource, type Source } from './sides/source.js';

export interface Side {
  /** As given: `origin/main`, `./other`, `ws://…`, `node server.js {port}`. */
  readonly spec: string;
  /** What reports call it: the spec, with the commit where it has one. */
  readonly label: string;
  /** Whether it is a folder or checkout: only those are built and started by what the options say. */
  readonly isBuilt: boolean;
  /** Starts a fresh server on `cores`; a URL's server is used as it is. `dialect`: of fanwire's own; others speak raw.
   *  `env`: further variables.
   *  @throws FanwireError FANWIRE_BENCH_TARGET */
  start(
    cores: readonly number[],
    connections: number,
    dialect?: Exclude<TargetDialect, 'socket.io'>,
    env?: Readonly<Record<string, string>>,
  ): Promise<Target>;
  /** Of its checkout, where it has one. */
  readonly folder?: string;
  /** Builds the same content once more, in a new folder with a longer path that is deleted when the process ends. What
   *  a server owes to the luck of its build or path then differs. A URL or a command gives itself.
   *  @throws FanwireError FANWIRE_COMPARE_BUILD */
  again(): Promise<Side>;
}

export interface SideOptions {
  /** Run in a checkout to make it runnable; '': what its lock file and package.json say. */
  readonly build: string;
  /** Run in it to start the server, `{port}` standing for the port; '': it is fanwire, and its `serve` is started. */
  readonly start: string;
  /** Before the topic, on servers that a command starts: `/ws`; usually ''. */
  readonly path: string;
  /** Further flags for `fanwire serve`. */
  readonly serveFlags: readonly string[];
  /** Where checkouts are kept, by what they were made of. */
  readonly cacheFolder: string;
  /** Told what takes long. */
  readonly say: (line: string) => void;
  /** Ends a build, and a start. */
  readonly signal: AbortSignal;
}

/** What a flag names, recognised and not yet built. */
export interface NamedSide {
  readonly spec: string;
  readonly label: string;
  readonly isBuilt: boolean;
  /** @throws FanwireError FANWIRE_COMPARE_CHECKOUT, FANWIRE_COMPARE_BUILD, FANWIRE_USAGE_SIDE for a folder that is no
   *  fanwire */
  build(): Promise<Side>;
}

/** Recognises `spec` in the order URL, folder, git ref, command.
 *  @throws FanwireError FANWIRE_USAGE_SIDE for a spec that is none of them, FANWIRE_COMPARE_CHECKOUT where git
 *  refuses */
async function nameSide(flag: string, spec: string, options: SideOptions): Promise<NamedSide> {
  refuseNoSide(flag, spec);
  if (isUrl(spec)) return ready(spec, shownUrl(spec), async () => urlTarget([spec], 'raw', []));
  const isFolder = isDirectory(spec);
  const looksLikePath = /^(\.|\/|~)|\/$/.test(spec) && !/\s/.test(spec);
  if (isFolder && (looksLikePath || existsSync(join(spec, 'package.json')))) return folderSide(spec, options);
  if (looksLikePath) {
    throw new FanwireError(
      'FANWIRE_USAGE_SIDE',
      `--${flag} "${spec}" is no folder: name one, or a commit, a ws:// URL, a command`,
    );
  }
  const isCommand = /\s/.test(spec) && !REF_WITH_SPACES.test(spec);
  const found = isCommand ? { why: '' } : await commitOf('.', spec);
  if ('commit' in found) return commitSide(spec, found.commit, options);
  if (isFolder) return folderSide(spec, options);
  if (isCommand) {
    const { path, signal } = options;
    const command = { name: shownText(spec), version: '', command: spec, path, dialect: 'raw' as const, signal };
    return ready(spec, shownText(spec), (cores, _connections, _dialect, env = {}) =>
      startCommandTarget({ ...command, cores, env }),
    );
  }
  throw new FanwireError(
    'FANWIRE_USAGE_SIDE',
    `--${flag} "${shownText(spec)}" is no ws:// URL, no folder that is there, no command with arguments, and no commit: ${found.why}`,
  );
}

/** @throws FanwireError FANWIRE_USAGE_SIDE for what can be no side at all, whatever there is of that name */
function refuseNoSide(flag: string, spec: string): void {
  const web = /^http(s?:\/\/.*)$/is.exec(spec);
  if (spec.trim() !== '' && web === null) return;
  const why =
    web === null
      ? 'is empty: name a commit, a folder, a ws:// URL or a command'
      : `"${shownUrl(spec)}" is no address of a WebSocket server: write ws${shownUrl(spec).slice('http'.length)}`;
  throw new FanwireError('FANWIRE_USAGE_SIDE', `--${flag} ${why}`);
}

/** What gitrevisions(7) lets hold spaces, and no command is: `main@{1 week ago}`, `HEAD^{/fix the}`, `:/fix the`. */
const REF_WITH_SPACES = /^:\/|[@^]\{[^{}]*\}([~^]\d*)*$/;

/** Both sides, recognised before the first of them is built: a wrong name is told at once. */
export async function resolveSides(
  named: readonly { readonly flag: string; readonly spec: string }[],
  options: SideOptions,
): Promise<Side[]> {
  const sides: NamedSide[] = [];
  for (const { flag, spec } of named) sides.push(await nameSide(flag, spec, options));
  refuseUnusedFlags(options, sides);
  const built: Side[] = [];
  for (const side of sides) built.push(await side.build());
  return built;
}

/** URLs and commands are what they are: a flag that should build or start them would do nothing.
 *  @throws FanwireError FANWIRE_USAGE_COMPARE */
function refuseUnusedFlags(options: SideOptions, sides: readonly NamedSide[]): void {
  const { build, start, serveFlags } = options;
  const given = [
    build === '' ? '' : '--build',
    start === '' ? '' : '--start',
    serveFlags.length === 0 ? '' : '--serve',
  ];
  const [flag] = given.filter((name) => name !== '');
  if (options.path !== '') refuseUnusedPath(options.start, sides);
  if (flag === undefined || sides.some((side) => side.isBuilt)) return;
  const specs = sides.map((side) => `"${side.label}"`).join(' and ');
  throw new FanwireError(
    'FANWIRE_USAGE_COMPARE',
    `${flag} is for folders and git refs, and ${specs} is none: leave it out`,
  );
}

/** A URL has its own path, and fanwire none. */
function refuseUnusedPath(start: string, sides: readonly NamedSide[]): void {
  const isStarted = ({ isBuilt, spec }: NamedSide): boolean => (isBuilt ? start !== '' : !isUrl(spec));
  if (sides.some(isStarted)) return;
  throw new FanwireError(
    'FANWIRE_USAGE_COMPARE',
    '--path is for servers that --start or a command starts: a URL names its own path, and fanwire has none',
  );
}

function isUrl(spec: string): boolean {
  return /^wss?:\/\//.test(spec);
}

function ready(spec: string, label: string, start: Side['start']): NamedSide {
  const side: Side = { spec, label, isBuilt: false, start, again: async () => side };
  return { spec, label, isBuilt: false, build: async () => side };
}

async function commitSide(spec: string, commit: string, options: SideOptions): Promise<NamedSide> {
  const label = commit.startsWith(spec) ? commit.slice(0, 9) : `${spec} (${commit.slice(0, 9)})`;
  const source = await commitSource(commit, label);
  return sourceSide(spec, source, new CheckoutCache(options.cacheFolder), options);
}

async function folderSide(spec: string, options: SideOptions): Promise<NamedSide> {
  const cache = new CheckoutCache(options.cacheFolder);
  return sourceSide(spec, await folderSource(spec, resolve(spec), cache), cache, options);
}

function sourceSide(spec: string, source: Source, cache: CheckoutCache, options: SideOptions): NamedSide {
  const { label } = source;
  return {
    spec,
    label,
    isBuilt: true,
    build: async () => {
      const folder = await checkout(cache, source, options);
      const side = (top: string): Side => ({
        spec,
        label,
        isBuilt: true,
        folder: placeOf(source, top).folder,
        start: starter(placeOf(source, top), label, options),
        again: async () => side(await anotherCheckout(cache, source.again(folder), options)),
      });
      return side(folder);
    },
  };
}

function placeOf({ prefix, original }: Source, top: string): SidePlace {
  return { folder: join(top, prefix).replace(/\/$/, ''), top, original };
}

/** The folder of a built checkout, from the cache where everything it was made of is the same. */
async function checkout(cache: CheckoutCache, source: Source, options: SideOptions): Promise<string> {
  const { version, platform, arch } = process;
  const parts = [source.identity, source.prefix, options.build, version, platform, arch, variablesOf(options.build)];
  const name = `${source.name}-${digest(parts)}`;
  const make = async (folder: string): Promise<void> => {
    const isAlone = await writeAndBuild(source, folder, options);
    const place = placeOf(source, join(folder, 'tree'));
    // Base and head would otherwise have the newest packages, or the files outside, of two different days.
    if (!isAlone || isUnlocked(place.folder, place.top)) cache.keepForOneProcess(folder);
  };
  const waiting = (): void => options.say(`another comparison is building ${source.label}: waiting for it`);
  return join(await cache.have(name, make, options.signal, waiting), 'tree');
}

async function anotherCheckout(cache: CheckoutCache, source: Source, options: SideOptions): Promise<string> {
  const folder = join(cache.scratch(), 'the-same-once-more-in-another-place');
  process.once('exit', () => cache.remove(join(folder, '..')));
  await writeAndBuild(source, folder, options);
  return join(folder, 'tree');
}

/** Whether nothing outside of the source is part of it. */
async function writeAndBuild(source: Source, folder: string, options: SideOptions): Promise<boolean> {
  const { label, prefix } = source;
  const place = placeOf(source, join(folder, 'tree'));
  const notes = await source.write(place.top, options.signal);
  for (const note of notes.slice(0, TOLD_LINKS)) options.say(`${label}: link ${note}`);
  if (notes.length > TOLD_LINKS) options.say(`${label}: and ${notes.length - TOLD_LINKS} more links that lead out`);
  if (!isDirectory(place.folder)) {
    throw new FanwireError(
      'FANWIRE_COMPARE_CHECKOUT',
      `${label} has no folder ${prefix}: compare from the top, or with a --base that has it`,
    );
  }
  const command = options.build === '' ? defaultBuild(place.folder, place.top) : options.build;
  if (command !== '') {
    options.say(`building ${label}: ${shownText(inOneLine(command))}`);
    const { original } = place;
    if (command.includes(`${original}/`) && original !== '')
      options.say(`--build names ${original} by its path: that is your folder, and not the side's`);
    await runBuild({ label, command, place, log: join(folder, 'build.log'), signal: options.signal });
  }
  return notes.length === 0;
}

/** Lines about links that a side says at most. */
const TOLD_LINKS = 8;

function starter(place: SidePlace, label: string, options: SideOptions): Side['start'] {
  const { folder } = place;
  if (options.start !== '') {
    const command = (): string =>
      `sh -c ${quoted(`cd ${quoted(folder)} && ${execOf(commandIn(place, options.start))}`)}`;
    const shown = `${label}: \`${inOneLine(options.start)}\``;
    const { path, signal } = options;
    const target = { name: label, version: '', shown, path, dialect: 'raw' as const, signal };
    return (cores, _connections, _dialect, env = {}) =>
      startCommandTarget({ ...target, command: command(), env: { ...startVariables(place), ...env }, cores });
  }
  const cli = join(folder, 'dist/src/cli.js');
  if (!existsSync(cli)) {
    throw new FanwireError(
      'FANWIRE_USAGE_SIDE',
      `${label} has no dist/src/cli.js once it is built, so it is no fanwire: say how it is built with --build and started with --start "node server.js {port}"`,
    );
  }
  return (cores, connections, dialect = 'raw', env = {}) =>
    startRelayTarget({
      env: { ...startVariables(place), ...env },
      nodes: 1,
      workers: 1,
      dialect,
      flags: options.serveFlags,
      cores,
      connections,
      cli,
      name: label,
      signal: options.signal,
    });
}

/** One word of a shell. */
function quoted(text: string): string {
  return `'${text.replace(/'/g, `'\\''`)}'`;
}
