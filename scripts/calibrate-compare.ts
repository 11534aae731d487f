// `npm run calibrate`: how often a comparison cries wolf, and how often it misses a wolf.
//
// `--simulate` plays the procedure on made-up pairs, ten thousand comparisons a cell, anywhere. The others play real
// ones, here, each as a user would run it: `--aa` this build against itself; `--layout` against the same source laid
// out otherwise in memory; `--border` against copies whose relay burns CPU after each message until a delivery costs 2,
// 3, 5, 7 and 10 % more; `--ab` 15 %. The copies are patched in a temporary folder, the product has no such knob.

import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DEFAULT_ALPHA } from '../bench/compare/command.js';
import type { Comparison } from '../bench/compare/comparison.js';
import { positive, scriptCommand, wholeNumber } from '../bench/run/script-command.js';
import { countOf } from '../src/base/page/format.js';
import { dearerCopy, otherLayout, plainCopy, serveCommand } from './calibrate-copies.js';
import { calibrateSimulated } from './calibrate-simulated.js';
import { printSpreads } from './calibrate-spreads.js';
import { HEADER, row, type Trial } from './calibrate-table.js';

const CLI = fileURLToPath(new URL('../src/cli.js', import.meta.url));

interface Flags {
  readonly simulate?: boolean;
  readonly spreads?: readonly string[];
  readonly trials: number;
  readonly alpha: number;
  readonly aa: number;
  readonly ab: number;
  readonly layout: number;
  readonly border: number;
  readonly percents: readonly number[];
  readonly spin?: number;
  readonly budget?: string;
  readonly maxMinutes: number;
  readonly out: string;
}

const flags = scriptCommand('calibrate', 'how often `fanwire compare` cries wolf, and how often it misses a wolf')
  .option('--simulate', 'the procedure on made-up pairs; exit code 1 when it errs more often than it says')
  .option(
    '--spreads <files...>',
    'what comparisons of equal builds (--json) say of the default budgets, or of --budget',
  )
  .option('--trials <n>', 'with --simulate: comparisons of each cell', wholeNumber, 10_000)
  .option('--alpha <share>', 'the error that is stated', positive, DEFAULT_ALPHA)
  .option('--aa <n>', 'comparisons of this build with itself', wholeNumber, 0)
  .option('--layout <n>', 'comparisons with the same source in another layout', wholeNumber, 0)
  .option('--border <n>', 'comparisons with each of the copies that cost 2, 3, 5, 7 and 10 % more', wholeNumber, 0)
  .option('--percents <list>', 'what the copies of --border cost more', percents, [2, 3, 5, 7, 10])
  .option('--ab <n>', 'comparisons with a copy that costs 15 % more', wholeNumber, 0)
  .option('--spin <ns>', 'what a delivery burns for +10 %, as an earlier calibration found it', positive)
  .option('--budget <budgets>', 'as of `fanwire compare`')
  .option('--max-minutes <n>', 'limit of one comparison', positive, 5)
  .option('--out <file>', 'where the trials are kept, those of earlier calls too', 'results/calibration.json')
  .parse()
  .opts<Flags>();

/** "2,5" as numbers. */
function percents(text: string): number[] {
  return text.split(',').map(positive);
}

/** One comparison of two commands, as a user would run it. */
function play(kind: string, base: string, head: string, seed: number, further: readonly string[] = []): Trial {
  const folder = mkdtempSync(join(tmpdir(), 'fanwire-trial-'));
  const out = join(folder, 'comparison.json');
  const sides = ['--base', base, '--head', head, '--seed', String(seed), '--alpha', String(flags.alpha)];
  const budget = flags.budget === undefined ? [] : ['--budget', flags.budget];
  const limit = ['--max-minutes', String(flags.maxMinutes)];
  const { stderr } = spawnSync(
    process.execPath,
    [CLI, 'compare', ...sides, ...budget, ...limit, ...further, '--json', out, '--quiet'],
    { encoding: 'utf8' },
  );
  try {
    const comparison = JSON.parse(readFileSync(out, 'utf8')) as Comparison;
    const [scenario] = comparison.scenarios;
    const cpu = scenario?.metrics.find(({ name }) => name === 'cpu');
    return {
      kind,
      budget: flags.budget ?? 'default',
      startedAt: comparison.startedAt,
      verdict: comparison.verdict,
      pairs: scenario?.pairs ?? 0,
      seconds: comparison.elapsedS,
      cpu: cpu?.ratio ?? null,
      wouldCatch: cpu?.wouldCatch ?? null,
      because:
        scenario?.metrics.filter((one) => one.isGate && one.verdict === 'regressed').map(({ name }) => name) ?? [],
      isRefuted: comparison.confirmation !== null && !comparison.confirmation.isConfirmed,
    };
  } catch {
    console.error(stderr);
    const nothing = {
      verdict: 'invalid',
      pairs: 0,
      seconds: 0,
      cpu: null,
      wouldCatch: null,
      because: [],
      isRefuted: false,
    };
    return { kind, budget: flags.budget ?? 'default', startedAt: new Date().toISOString(), ...nothing };
  }
}

/** Nanoseconds a delivery that cost 10 % more, by two comparisons of a fixed length: the second with the first's
 *  proportion. */
function findSpin(folder: string, base: string): number {
  let spin = flags.spin ?? 25;
  for (let step = 1; flags.spin === undefined && step <= 2; step++) {
    const { cpu } = play('spin', base, serveCommand(dearerCopy(folder, spin)), step, ['--pairs', '16']);
    if (cpu === null) throw new Error('the machine was too busy to find how long to spin');
    console.log(`${spin.toFixed(1)} ns a delivery: CPU ${((cpu - 1) * 100).toFixed(1)} % more`);
    spin *= 0.1 / Math.max(0.02, cpu - 1);
  }
  return spin;
}

function playAll(folder: string): void {
  mkdirSync(dirname(flags.out), { recursive: true });
  const trials = readTrials();
  const base = serveCommand(plainCopy(folder, 'base'));
  const repeat = (kind: string, count: number, head: (i: number) => string): void => {
    for (let i = 0; i < count; i++) {
      const one = play(kind, base, head(i), trials.length + 1);
      trials.push(one);
      // After each: a calibration of hours may be ended at any time.
      writeFileSync(flags.out, `${JSON.stringify(trials, null, 1)}\n`);
      console.log(
        `${kind} ${i + 1}/${count}: ${one.verdict} after ${countOf(one.pairs, 'pair')}, ${one.seconds} s, CPU × ${one.cpu?.toFixed(3)}`,
      );
    }
  };
  repeat('A/A', flags.aa, () => serveCommand(plainCopy(folder, 'head')));
  repeat("A/A'", flags.layout, (i) => otherLayout(folder, trials.length + i));
  if (flags.border + flags.ab > 0) {
    const spin = findSpin(folder, base);
    const dearer = (percent: number): string => serveCommand(dearerCopy(folder, (spin * percent) / 10));
    for (const percent of flags.percents) repeat(`+${percent} %`, flags.border, () => dearer(percent));
    repeat('+15 %', flags.ab, () => dearer(15));
  }
  console.log(`\n${HEADER}`);
  for (const kind of new Set(trials.map((one) => `${one.kind}, ${one.budget}`))) {
    console.log(
      row(
        kind,
        trials.filter((one) => `${one.kind}, ${one.budget}` === kind),
      ),
    );
  }
}

function readTrials(): Trial[] {
  try {
    return JSON.parse(readFileSync(flags.out, 'utf8')) as Trial[];
  } catch {
    return [];
  }
}

if (flags.simulate === true) {
  process.exitCode = (await calibrateSimulated(flags.trials, flags.alpha)) ? 0 : 1;
} else if (flags.spreads !== undefined) {
  printSpreads(flags.spreads, flags);
} else {
  const folder = mkdtempSync(join(tmpdir(), 'fanwire-calibrate-'));
  try {
    playAll(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
