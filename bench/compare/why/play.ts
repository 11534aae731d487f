// Two more pairs of a comparison that regressed, with a profiler in the servers. The measured pairs never have one.

import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Pair } from '../metrics.js';
import { playSide } from '../play.js';
import type { Sides, Stage } from '../session.js';
import type { ScenarioSetup } from '../setup.js';
import type { Side } from '../side.js';
import { addStacks, readStacks, type Stacks } from './cpu-profile.js';
import { flameOf, type Profiled, topFunctions, type Why } from './difference.js';

const HOOK = fileURLToPath(new URL('./profile-hook.cjs', import.meta.url));
const PAIRS = 2;
/** Runs tried before it is given up: a starved run's profile is as good as another. */
const TRIES = 2;

/** Why the head is worse, as far as its servers are Node; undefined where no profile could be had. */
export async function findWhy(sides: Sides, setup: ScenarioSetup, stage: Stage): Promise<Why | undefined> {
  const place = mkdtempSync(join(tmpdir(), 'fanwire-profile-'));
  try {
    const played: Record<keyof Pair, Profiled[]> = { base: [], head: [] };
    for (let pair = 0; pair < PAIRS; pair++) {
      for (const side of pair % 2 === 0 ? (['base', 'head'] as const) : (['head', 'base'] as const)) {
        const profiled = await profile(sides[side], join(place, `${side}-${pair}`), setup, stage);
        if (profiled === undefined) return undefined;
        played[side].push(profiled);
      }
    }
    const [base, head] = [sum(played.base), sum(played.head)];
    return {
      pairs: PAIRS,
      scenario: setup.name,
      functions: topFunctions(base, head),
      flame: flameOf(base, head),
      differences: lockDifferences(sides.base.folder, sides.head.folder),
    };
  } finally {
    rmSync(place, { recursive: true, force: true });
  }
}

async function profile(side: Side, folder: string, setup: ScenarioSetup, stage: Stage): Promise<Profiled | undefined> {
  const options = [process.env.NODE_OPTIONS ?? '', `--require ${JSON.stringify(HOOK)}`].join(' ').trim();
  for (let attempt = 0; attempt < TRIES; attempt++) {
    const own = join(folder, String(attempt));
    const env = { NODE_OPTIONS: options, FANWIRE_PROFILE_FOLDER: own };
    let listeningUs = 0;
    const watched: Side = {
      ...side,
      start: async (cores, connections, dialect) => {
        const target = await side.start(cores, connections, dialect, env);
        listeningUs = Number(process.hrtime.bigint() / 1000n);
        return target;
      },
    };
    const run = await playSide(watched, { ...setup, ...stage, countsInstructions: false });
    if ('fault' in run) continue;
    const deliveries = run.result.delivered + (run.capacity?.deliveries ?? 0);
    const stacks = stacksIn(own, side.folder, listeningUs);
    if (stacks === undefined || stacks.size === 0 || deliveries === 0) return undefined; // no Node server
    return { stacks, deliveries };
  }
  return undefined;
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
