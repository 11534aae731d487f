// `npm run calibrate`: how often a comparison cries wolf, and how often it misses a wolf, on this machine.
//
// A/A: this build against itself, many times; every `regressed` is a false alarm, every `improved` too. A/B: this build
// against a copy whose relay burns CPU after each message until a delivery costs so much more (15 % by default); the copy is
// patched in a temporary folder, the product has no such knob. Every comparison runs as a user's would, with early stopping.

import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Verdict } from '../bench/compare/budget.js';
import type { Comparison } from '../bench/compare/comparison.js';
import { median } from '../bench/compare/interval.js';
import { positive, scriptCommand, wholeNumber } from '../bench/run/script-command.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const CLI = join(ROOT, 'dist/src/cli.js');

interface Flags {
  readonly aa: number;
  readonly ab: number;
  readonly slowdown: number;
  readonly spin?: number;
  readonly maxMinutes: number;
  readonly out: string;
}

const flags = scriptCommand('calibrate', 'how often `fanwire compare` cries wolf, and how often it misses a wolf, here')
  .option('--aa <n>', 'comparisons of this build with itself', wholeNumber, 40)
  .option('--ab <n>', 'comparisons with the dearer copy', wholeNumber, 20)
  .option('--slowdown <share>', 'how much dearer the copy is, by CPU a delivery', positive, 0.15)
  .option(
    '--spin <ns>',
    'what a delivery burns in the copy, as an earlier calibration found it: it is not searched',
    positive,
  )
  .option('--max-minutes <n>', 'limit of one comparison', positive, 5)
  .option('--out <file>', 'where the trials are kept', 'results/calibration.json')
  .parse()
  .opts<Flags>();

interface Trial {
  readonly kind: 'A/A' | 'A/B';
  readonly verdict: string;
  readonly pairs: number;
  readonly seconds: number;
  readonly cpu: number | undefined;
  /** Gates with that verdict. */
  readonly because: readonly string[];
}

/** A built copy of this project whose fan-out spins for `spinNsPerDelivery` after each message and receiver. */
function dearerCopy(folder: string, spinNsPerDelivery: number): string {
  const copy = join(folder, `spin-${Math.round(spinNsPerDelivery * 10)}`);
  mkdirSync(copy);
  cpSync(join(ROOT, 'dist'), join(copy, 'dist'), { recursive: true });
  cpSync(join(ROOT, 'package.json'), join(copy, 'package.json'));
  // Styles are read from the sources.
  for (const name of ['node_modules', 'src', 'bench']) symlinkSync(join(ROOT, name), join(copy, name));
  const file = join(copy, 'dist/src/relay/fanout/fanout.js');
  const source = readFileSync(file, 'utf8');
  const counted = 'this.counters.deliveredBytes += receivers * size;';
  const spin = `{ const end = performance.now() + receivers * ${spinNsPerDelivery} / 1e6; while (performance.now() < end); }`;
  if (!source.includes(counted)) throw new Error(`fanout.js no longer has "${counted}": patch this script`);
  writeFileSync(file, source.replace(counted, `${counted}\n        ${spin}`));
  return copy;
}

/** Finds the spin that makes a delivery `slowdown` dearer, by comparisons of a fixed length: up to four steps of proportion. */
function findCopy(folder: string, slowdown: number): { copy: string; spin: number; measured: number } {
  let spin = flags.spin ?? 25;
  for (let step = 1; ; step++) {
    const copy = dearerCopy(folder, spin);
    const { cpu } = trial('A/B', copy, step, folder, ['--pairs', '10']);
    if (cpu === undefined) throw new Error('the machine was too busy to find how long to spin');
    const measured = cpu - 1;
    console.log(`spin ${spin.toFixed(1)} ns a delivery: CPU ${(measured * 100).toFixed(1)} % more`);
    if (flags.spin !== undefined || step === 4 || Math.abs(measured - slowdown) < 0.01) return { copy, spin, measured };
    spin *= slowdown / Math.max(0.02, measured);
  }
}

function trial(
  kind: Trial['kind'],
  head: string,
  seed: number,
  folder: string,
  further: readonly string[] = [],
): Trial {
  const out = join(folder, 'comparison.json');
  rmSync(out, { force: true });
  const sides = ['--base', ROOT, '--head', head, '--seed', String(seed), '--max-minutes', String(flags.maxMinutes)];
  const { stderr } = spawnSync(process.execPath, [CLI, 'compare', ...sides, ...further, '--json', out, '--quiet'], {
    encoding: 'utf8',
  });
  try {
    const comparison = JSON.parse(readFileSync(out, 'utf8')) as Comparison;
    const metrics = comparison.scenarios.flatMap((scenario) => scenario.metrics);
    const gates = (verdict: Verdict): string[] =>
      metrics.filter((one) => one.isGate && one.verdict === verdict).map((one) => one.name);
    return {
      kind,
      verdict: comparison.verdict,
      pairs: comparison.scenarios.reduce((sum, { pairs }) => sum + pairs, 0),
      seconds: comparison.elapsedS,
      cpu: metrics.find((metric) => metric.name === 'cpu')?.ratio ?? undefined,
      because: comparison.verdict === 'unchanged' ? [] : gates(comparison.verdict),
    };
  } catch {
    console.error(stderr);
    return { kind, verdict: 'invalid', pairs: 0, seconds: 0, cpu: undefined, because: [] };
  }
}

/** One row of docs/regression.md's table. */
function row(kind: Trial['kind'], trials: readonly Trial[]): string {
  const of = (verdict: string): number => trials.filter((one) => one.verdict === verdict).length;
  const played = trials.filter((one) => one.verdict !== 'invalid');
  const seconds = played.map((one) => one.seconds).sort((a, b) => a - b);
  const at = (p: number): string =>
    String(Math.round(seconds[Math.min(seconds.length - 1, Math.floor(p * seconds.length))] ?? 0));
  const ratios = played.flatMap((one) => one.cpu ?? []);
  const middle = median(ratios);
  const spread =
    middle === null
      ? ''
      : `${middle.toFixed(3)} (${Math.min(...ratios).toFixed(3)} … ${Math.max(...ratios).toFixed(3)})`;
  const counts = ['regressed', 'improved', 'unchanged', 'inconclusive', 'invalid'].map(of).join(' | ');
  return `| ${kind} | ${trials.length} | ${counts} | ${at(0.5)} s, ${at(0.9)} s | ${spread} |`;
}

const folder = mkdtempSync(join(tmpdir(), 'fanwire-calibrate-'));
try {
  const { copy, spin, measured } =
    flags.ab > 0 ? findCopy(folder, flags.slowdown) : { copy: ROOT, spin: 0, measured: 0 };
  const trials: Trial[] = [];
  const run = (kind: Trial['kind'], head: string, count: number): void => {
    for (let i = 0; i < count; i++) {
      const one = trial(kind, head, trials.length + 1, folder);
      trials.push(one);
      console.log(
        `${kind} ${i + 1}/${count}: ${one.verdict} ${one.because.join(',')} after ${one.pairs} pairs, ${one.seconds} s, CPU × ${one.cpu?.toFixed(3)}`,
      );
    }
  };
  run('A/A', ROOT, flags.aa);
  run('A/B', copy, flags.ab);
  mkdirSync(join(flags.out, '..'), { recursive: true });
  writeFileSync(flags.out, `${JSON.stringify({ spin, measured, trials }, null, 2)}\n`);
  console.log(
    '\n| | comparisons | regressed | improved | unchanged | inconclusive | invalid | time: median, 90th percentile | CPU ratio: median (lowest … highest) |',
  );
  console.log('|---|---:|---:|---:|---:|---:|---:|---:|---:|');
  for (const kind of ['A/A', 'A/B'] as const)
    console.log(
      row(
        kind,
        trials.filter((one) => one.kind === kind),
      ),
    );
} finally {
  rmSync(folder, { recursive: true, force: true });
}
