// Builds an image without a container engine: plays a Dockerfile's own lines, in order, on fresh machines
// (.ci/machine).

import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { type BuildStage, parseDockerfile, variablesOf, wordsOf } from './dockerfile.js';

/** What `docker run` would need to know of an image. */
export interface Image {
  /** Debian's name and Node's major version, as `.ci/machine` takes them. */
  readonly machine: readonly [suite: string, node: string];
  /** The folder with what the stage wrote over its base. */
  readonly layer: string;
  readonly workdir: string;
  readonly environment: readonly string[];
  readonly user: string;
  /** ENTRYPOINT and CMD. */
  readonly command: readonly string[];
  /** The command of HEALTHCHECK; empty where there is none. */
  readonly health: readonly string[];
}

export interface Building {
  /** The repository: the context of COPY, and where .ci/machine is. */
  readonly root: string;
  readonly dockerfile: string;
  /** An empty folder, for the layers. */
  readonly folder: string;
  readonly say: (line: string) => void;
}

type State = { -readonly [K in keyof Image]: Image[K] };

/** @throws Error for a line that is not understood, and where a step fails, with its line */
export function buildImage({ root, dockerfile, folder, say }: Building): Image {
  const stages = parseDockerfile(readFileSync(dockerfile, 'utf8'));
  const built = new Map<string, Image>();
  let last: Image | undefined;
  for (const [index, stage] of stages.entries()) {
    say(`FROM ${stage.base}`);
    last = buildStage(stage, join(folder, String(index)), { root, dockerfile, built, say });
    built.set(stage.name ?? String(index), last);
  }
  return last as Image;
}

interface Surroundings {
  readonly root: string;
  readonly dockerfile: string;
  readonly built: ReadonlyMap<string, Image>;
  readonly say: (line: string) => void;
}

function buildStage(stage: BuildStage, layer: string, { root, dockerfile, built, say }: Surroundings): Image {
  mkdirSync(join(layer, 'upper'), { recursive: true });
  const state: State = {
    machine: machineOf(stage.base),
    layer,
    workdir: '/',
    environment: [],
    user: 'root',
    command: [],
    health: [],
  };
  let entrypoint: string[] = [];
  let command: string[] = [];
  for (const instruction of stage.instructions) {
    const { name, rest, line } = instruction;
    say(`${name} ${rest.length > 100 ? `${rest.slice(0, 100)}…` : rest}`);
    if (name === 'WORKDIR') {
      state.workdir = resolve(state.workdir, rest);
      mkdirSync(join(layer, 'upper', state.workdir), { recursive: true });
    } else if (name === 'ENV') {
      state.environment = [...state.environment, ...variablesOf(rest).map(([key, value]) => `${key}=${value}`)];
    } else if (name === 'COPY') copy(rest, state, { root, dockerfile, built });
    else if (name === 'RUN') {
      const { status } = onMachine(root, state, [], ['/bin/sh', '-c', rest]);
      if (status !== 0) throw new Error(`Dockerfile:${line}: RUN ended with ${status}: ${rest}`);
    } else if (name === 'USER') state.user = rest;
    else if (name === 'ENTRYPOINT') entrypoint = wordsOf(instruction);
    else if (name === 'CMD') command = wordsOf(instruction);
    else if (name === 'HEALTHCHECK') {
      state.health = wordsOf({ ...instruction, rest: rest.slice(rest.indexOf('CMD') + 3).trim() });
    }
  }
  return { ...state, command: [...entrypoint, ...command] };
}

/** Of the images of Node.js, those that are Debian and Node and nothing else. */
function machineOf(base: string): [string, string] {
  const match = /^node:(\d+)-([a-z]+)-slim$/.exec(base);
  if (match === null) throw new Error(`${base} is no base that can be played here: node:MAJOR-SUITE-slim is`);
  return [match[2] as string, match[1] as string];
}

/** `COPY from to` and `COPY --from=stage from to`, of one folder or file. */
function copy(rest: string, state: State, { root, dockerfile, built }: Omit<Surroundings, 'say'>): void {
  const words = rest.split(/\s+/);
  const from = /^--from=(.+)$/.exec(words[0] ?? '')?.[1];
  const [source, target] = (from === undefined ? words : words.slice(1)) as [string, string];
  const stage = from === undefined ? undefined : built.get(from);
  if (from !== undefined && stage === undefined) throw new Error(`COPY --from=${from}: there is no such stage`);
  const origin = stage === undefined ? resolve(root, source) : join(stage.layer, 'upper', source);
  const ignored = stage === undefined ? ignoredPaths(dockerfile) : [];
  const destination = join(state.layer, 'upper', resolve(state.workdir, target));
  cpSync(origin, destination, {
    recursive: true,
    verbatimSymlinks: true,
    filter: (path) => !ignored.some((name) => resolve(root, name) === path),
  });
}

/** Of the `.dockerignore` beside the Dockerfile, which names plain paths. */
function ignoredPaths(dockerfile: string): string[] {
  const file = `${dockerfile}.dockerignore`;
  if (!existsSync(file)) return [];
  const paths = readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'));
  const wild = paths.find((path) => /[*?![]/.test(path));
  if (wild !== undefined) throw new Error(`${basename(file)}: ${wild} is a pattern, which is not understood here`);
  return paths;
}

/** The arguments of `.ci/machine` for a command in the image. */
export function machineArguments(image: Image, options: readonly string[], command: readonly string[]): string[] {
  const variables = image.environment.flatMap((variable) => ['--env', variable]);
  const where = ['--layer', image.layer, '--in', image.workdir, '--user', image.user];
  return [...image.machine, ...where, ...variables, ...options, '--', ...command];
}

function onMachine(root: string, image: Image, options: readonly string[], command: readonly string[]) {
  const args = machineArguments(image, options, command);
  return spawnSync(join(root, '.ci/machine'), args, { stdio: ['ignore', 'ignore', 'inherit'] });
}
