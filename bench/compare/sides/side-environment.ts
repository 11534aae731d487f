// The environment that a side is built and started in: what it says of the user's folder, it says of the side's own.
//
// Otherwise `cd $GITHUB_WORKSPACE`, PYTHONPATH or a NODE_OPTIONS with --require would build and play the user's folder
// on both sides, and a build would write into it.

import { existsSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { withoutOwnVariables } from '../../../src/config/sources.js';
import { withoutRepository } from './git.js';

/** Where a side lies. */
export interface SidePlace {
  /** Where its build and its server run. */
  readonly folder: string;
  /** Of its checkout. */
  readonly top: string;
  /** The user's folder that the checkout stands for; '' where there is none. */
  readonly original: string;
}

/** Of npm's, what it says of the package that called fanwire. */
const OF_THE_CALLER =
  /^(npm_(package|lifecycle)_|npm_(command|execpath|node_execpath)$|npm_config_(local_)?prefix$|INIT_CWD$)/;
/** The user's, wherever that is: caches and credentials are below. */
const OF_THE_USER = /^(HOME|TMPDIR|TEMP|TMP|XDG_\w+)$/;

/** The environment of a build: without what `npm run` and git's hooks say of the folder that fanwire was called in. */
export function buildEnvironment(place: SidePlace, from: NodeJS.ProcessEnv = process.env): NodeJS.ProcessEnv {
  const env = withoutRepository(from);
  for (const name of Object.keys(env)) if (OF_THE_CALLER.test(name)) delete env[name];
  return { ...env, ...startVariables(place, env) };
}

/** The variables of `from` that a side's server sees with another value; fanwire's own it does not see. */
export function startVariables(
  place: SidePlace,
  from: NodeJS.ProcessEnv = withoutOwnVariables(process.env),
): Record<string, string> {
  const moved: Record<string, string> = {};
  for (const [name, value = ''] of Object.entries(from)) {
    const other = OF_THE_USER.test(name) ? value : intoCheckout(value, place);
    if (other !== value) moved[name] = other;
  }
  return { ...moved, PATH: pathOf(place, moved.PATH ?? from.PATH ?? '') };
}

/** What a build command sees of the environment: the variables that it names, and those that compilers and package
 *  managers read. */
export function variablesOf(command: string): (readonly [name: string, value: string])[] {
  const named = [...command.matchAll(/\$\{?([A-Za-z_]\w*)/g)].map(([, name]) => name);
  return Object.entries(process.env)
    .filter(([name]) => BUILD_VARIABLES.test(name) || named.includes(name))
    .map(([name, value = '']) => [name, value] as const)
    .sort(([one], [other]) => (one < other ? -1 : 1));
}

/** Of npm's own those that a user sets: `npm run` sets others, which differ from call to call. */
const BUILD_VARIABLES =
  /^(NODE_ENV|NODE_OPTIONS|CC|CXX|C(XX|PP)?FLAGS|LDFLAGS|MAKEFLAGS|RUSTFLAGS|GO(FLAGS|ARCH|OS|AMD64)|CGO_ENABLED|CARGO_\w+|BABEL_ENV|npm_config_(build_from_source|arch|target\w*|platform|libc|omit|include|production|ignore_scripts|registry))$/i;

/** The command of --start as a side runs it: `node ~/relay/dist/server.js` is the side's own build. Asked when it is
 *  run, since a build makes files. */
export function commandIn(place: SidePlace, command: string, from: NodeJS.ProcessEnv = process.env): string {
  const above = Object.entries(from).filter(
    ([, value = '']) => value.length > 1 && place.original.startsWith(`${value}/`),
  );
  const named = above.reduce((text, [name, value = '']) => {
    const rest = literally(place.original.slice(value.length));
    const path = new RegExp(
      `(?:\\$(?:${name}(?!\\w)|\\{${name}\\})${name === 'HOME' ? '|(?<![^\\s=:])~' : ''})("?)${rest}(?![\\w.-])`,
      'g',
    );
    return text.replace(path, (_, quote: string) => place.original + quote);
  }, command);
  return intoCheckout(named, place);
}

/** `text` with the paths that the checkout has too leading there; others, such as a virtual environment that git
 *  ignores, stay as they are. Modules are the side's own, also before they are installed. */
function intoCheckout(text: string, { original, top }: SidePlace): string {
  if (original.length < 2 || !text.includes(original)) return text;
  const path = new RegExp(`(?<![\\w.-])${literally(original)}(/[^\\s:;,'"=]*)?(?![\\w.-])`, 'g');
  const isOwn = (below: string): boolean => /(^|\/)node_modules(\/|$)/.test(below) || existsSync(join(top, below));
  return text.replace(path, (whole, below = '') => (isOwn(below) ? top + below : whole));
}

function literally(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
}

/** The side's own programs first; those of other folders' dependencies are none of its. */
function pathOf(place: SidePlace, path: string): string {
  const others = path.split(delimiter).filter((entry) => !/node_modules\/\.bin\/?$|node-gyp-bin$/.test(entry));
  return [...programsOf(place.folder, place.top), ...others].join(delimiter);
}

/** Programs of the dependencies of `folder` and, in a monorepo, of what is above it. */
function programsOf(folder: string, top: string): string[] {
  const own = join(folder, 'node_modules/.bin');
  return folder === top || folder === dirname(folder) ? [own] : [own, ...programsOf(dirname(folder), top)];
}
