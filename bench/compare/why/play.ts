// Two more pairs of a comparison that regressed, with a profiler in the servers. The measured pairs never have one.

import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { processesOf } from '../../measure/server-load.js';
import { temporaryFolder } from '../../system/temporary-folder.js';
import type { Pair } from '../metrics.js';
import { playSide } from '../play.js';
import type { Rig, Sides } from '../session.js';
import type { ScenarioSetup } from '../setup.js';
import type { Side } from '../side.js';
import { addStacks, readStacks, type Stacks } from './cpu-profile.js';
import { differenceOf, type Profiled, type Why } from './difference.js';
import { canRecordNative, type NativeRecording, recordNative } from './native-profile.js';

const HOOK = fileURLToPath(new URL('./profile-hook.cjs', import.meta.url));
const PAIRS = 2;
/** Runs tried before it is given up: a starved run's profile is as good as another. */
const TRIES = 2;

/** Why the head is worse, as far as its servers are Node; undefined where no profile could be had. */
export async function findWhy(sides: Sides, setup: ScenarioSetup, stage: Rig): Promise<Why | undefined> {
  const place = temporaryFolder('fanwire-profile-');
  try {
    const played: Record<keyof Pair, BothProfiled[]> = { base: [], head: [] };
    const { profile } = new Profiler(setup, stage, canRecordNative());
    for (let pair = 0; pair < PAIRS; pair++) {
      for (const side of pair % 2 === 0 ? (['base', 'head'] as const) : (['head', 'base'] as const)) {
        const profiled = await profile(sides[side], join(place, `${side}-${pair}`));
        if (profiled === undefined) return undefined;
        played[side].push(profiled);
      }
    }
    const native = (['base', 'head'] as const).map((side) => sum(played[side].map((both) => both.native)));
    const hasNative = native.every(({ stacks }) => stacks.size > 0);
    return {
      pairs: PAIRS,
      scenario: setup.name,
      ...differenceOf(sum(played.base.map(({ js }) => js)), sum(played.head.map(({ js }) => js))),
      ...(hasNative && { native: differenceOf(native[0] as Profiled, native[1] as Profiled) }),
      differences: lockDifferences(sides.base.folder, sides.head.folder),
    };
  } finally {
    rmSync(place, { recursive: true, force: true });
  }
}

/** One run by both profilers. */
interface BothProfiled {
  readonly js: Profiled;
  /** Without stacks where perf has recorded none. */
  readonly native: Profiled;
}

class Profiler {
  constructor(
    private readonly setup: ScenarioSetup,
    private readonly stage: Rig,
    private readonly recordsNative: boolean,
  ) {}

  /** Plays one run of a side; undefined where its server is not Node, or fails. */
  readonly profile = async (side: Side, folder: string): Promise<BothProfiled | undefined> => {
    const options = [process.env.NODE_OPTIONS ?? '', `--require ${JSON.stringify(HOOK)}`].join(' ').trim();
    for (let attempt = 0; attempt < TRIES; attempt++) {
      const own = join(folder, String(attempt));
      const env = { NODE_OPTIONS: options, FANWIRE_PROFILE_FOLDER: own };
      let listeningUs = 0;
      let recording: NativeRecording | undefined;
      const watched: Side = {
        ...side,
        start: async (cores, connections, dialect) => {
          const target = await side.start(cores, connections, dialect, env);
          listeningUs = Number(process.hrtime.bigint() / 1000n);
          if (this.recordsNative && target.pids.length > 0) recording = recordNative(processesOf(target.pids), own);
          return target;
        },
      };
      const run = await playSide(watched, { ...this.setup, ...this.stage, countsInstructions: false });
      const native = await recording?.read();
      if ('fault' in run) continue;
      const deliveries = run.result.delivered + (run.capacity?.deliveries ?? 0);
      const stacks = stacksIn(own, side.folder, listeningUs);
      if (stacks === undefined || stacks.size === 0 || deliveries === 0) return undefined; // no Node server
      return { js: { stacks, deliveries }, native: { stacks: native ?? new Map(), deliveries } };
    }
    return undefined;
  };
}

function stacksIn(folder: string, checkout: string | undefined, fromUs: number): Stacks | undefined {
  try {
    return readStacks(folder, checkout, fromUs);
  } catch {
    return undefined;
  }
}

function sum(all: readonly Profiled[]): Profiled {
  return {
    stacks: addStacks(all.map(({ stacks }) => stacks)),
    deliveries: all.reduce((total, { deliveries }) => total + deliveries, 0),
  };
}

const MOST_PACKAGES = 20;

/** Packages whose locked version differs, of npm's lock file; Node and kernel are the same for both sides. */
function lockDifferences(base: string | undefined, head: string | undefined): string[] {
  if (base === undefined || head === undefined) return [];
  const [before, after] = [lockedVersions(base), lockedVersions(head)];
  const names = [...new Set([...before.keys(), ...after.keys()])].filter(
    (name) => before.get(name) !== after.get(name),
  );
  const lines = names.sort().map((name) => `${name} ${before.get(name) ?? 'none'} → ${after.get(name) ?? 'none'}`);
  const more = lines.length > MOST_PACKAGES ? [`and ${lines.length - MOST_PACKAGES} more`] : [];
  return [...lines.slice(0, MOST_PACKAGES), ...more];
}

function lockedVersions(folder: string): Map<string, string> {
  try {
    const { packages = {} } = JSON.parse(readFileSync(join(folder, 'package-lock.json'), 'utf8')) as {
      packages?: Record<string, { version?: string }>;
    };
    return new Map(
      Object.entries(packages).flatMap(([path, { version }]) =>
        path === '' || version === undefined ? [] : [[path.replace(/^.*node_modules\//, ''), version]],
      ),
    );
  } catch {
    return new Map();
  }
}
