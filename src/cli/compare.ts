// `fanwire compare`: two builds, one verdict: has the head become slower, dearer or leakier than the base?
import { Command, Option as Flag } from 'commander';
import type { ComparisonFiles } from '../../bench/compare/write.js';
import { planOptions, readScenarioFile } from '../../bench/scenarios/plan-options.js';
import { PLAN_DEFAULTS, type Plan } from '../../bench/scenarios/scenario.js';
import { onEndSignal } from '../base/end-signals.js';
import { FanwireError } from '../base/error.js';
import { Exit } from '../base/exit-codes.js';
import { flagsOf } from './argument.js';
import { measuring } from './measuring.js';
import { declarePlanFlags, givenPlan } from './plan-flags.js';

interface CompareFlags extends ComparisonFiles {
  base?: string;
  head: string;
  scenario: string;
  suite?: string;
  pairs?: number;
  maxMinutes?: number;
  alpha?: number;
  budget?: string;
  strict?: boolean;
  strictLoad?: boolean;
  capacity: number;
  why: boolean;
  seed: number;
  build?: string;
  start?: string;
  serve?: string;
  cache?: string;
  baseline?: string;
  saveBaseline?: string;
  quiet?: boolean;
}

function number(flag: string, min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() !== '' && value >= min && value <= max) return value;
    throw new FanwireError(
      'FANWIRE_USAGE_COMPARE_RANGE',
      `${flag} must be a number from ${min} to ${max}, got ${text}`,
    );
  };
}

function pairs(text: string): number | undefined {
  if (text === 'auto') return undefined;
  const value = Number(text);
  if (Number.isInteger(value) && value >= 2 && value <= 1000) return value;
  throw new FanwireError(
    'FANWIRE_USAGE_COMPARE_RANGE',
    `--pairs must be auto or a whole number from 2 to 1000, got ${text}`,
  );
}

export function compareCommand(): Command {
  const command = new Command('compare')
    .description('run two builds interleaved and say whether the second is worse')
    .optionsGroup('Sides (a git ref, a folder with a package.json, a ws:// URL, or a command with {port}):')
    .option('--base <side>', 'what it is compared with, such as origin/main')
    .option('--head <side>', 'what is judged', '.')
    .option('--build <command>', 'makes each checkout runnable (default: what its lock file and `build` script say)')
    .option('--start <command>', 'starts a built side that is not fanwire; {port} or PORT is where it must listen')
    .option('--serve <flags>', 'further flags of `fanwire serve` for both sides, in one argument')
    .option('--cache <folder>', 'where built checkouts are kept (default: ~/.cache/fanwire/compare)')
    .optionsGroup('Verdict:')
    .option('--budget <budgets>', 'how much worse what may get, such as "p99:+10%,cpu:+5%"; only what is named decides')
    .option('--pairs <n>', 'pairs of runs: a number, or auto (the default): until the intervals have decided', pairs)
    .option(
      '--max-minutes <n>',
      'with auto, no further pair is begun after this long (default: 5, or what the suite says); a third of it without a valid run is the end in any case',
      number('--max-minutes', 0.1, 600),
    )
    .option(
      '--alpha <share>',
      'how often the verdict on the whole may be wrong (default: 0.01, or what the suite says)',
      number('--alpha', 1e-6, 0.5),
    )
    .option('--strict', 'an inconclusive comparison exits with 3 instead of 0')
    .option(
      '--capacity <ms>',
      'closed loop after each run, for saturation and CPU; 0 = none',
      number('--capacity', 0, 60_000),
      400,
    )
    .option('--no-why', 'play no further pairs with a CPU profiler where a metric has regressed')
    .option('--seed <n>', 'of the order of runs', number('--seed', 0, 2 ** 32), 1)
    .option('--save-baseline <file>', 'run the head alone and keep its runs')
    .option('--baseline <file>', 'compare with kept runs instead of --base')
    .optionsGroup('Load:')
    .option('--scenario <name>', 'a scenario of `fanwire bench list`, or a JSON file of parameters', 'fan-out')
    .option('--suite <file>', 'several scenarios, one verdict: a JSON file, or `default` for the one that ships');
  declarePlanFlags(command, ({ unit }) => (unit === undefined ? '' : `in ${unit}`));
  command.option(
    '--strict-load',
    'play the default load as it is (else: as much of it as this machine and both sides carry, found by a probe)',
  );
  return command
    .optionsGroup('Output:')
    .option('--json <file>', 'write the comparison (fanwire.comparison/2); - is stdout, for each of these')
    .option('--html <file>', 'write one self-contained HTML page')
    .option('--md <file>', 'add Markdown to a file, for the pull request or a CI summary')
    .option('--junit <file>', 'write JUnit XML')
    .option('--bencher <file>', 'write Bencher Metric Format')
    .option('--benchmark-action <file>', 'write customSmallerIsBetter of github-action-benchmark')
    .option('--csv <file>', 'write a row a metric')
    .option('-q, --quiet', 'print no table')
    .addHelpText(
      'after',
      '\nExit codes: 0 unchanged, improved or inconclusive; 1 judged worse, and nothing else; 2 wrong flag; 3 nothing was\n' +
        'measured (a build or server that fails, a busy machine), or undecided with --strict; 130 interrupted. In a GitHub workflow the verdict is also annotated and put in the job summary.',
    )
    .action((flags: CompareFlags) => {
      const asked: Asking = { plan: undefined, maxMinutes: 0 };
      return measuring(
        () => compare(command, flags, asked),
        undefined,
        (error) => mendOf(error, asked),
      );
    });
}

/** What is left unread beside a flag, and why. */
const UNREAD = [
  {
    flag: '--save-baseline',
    given: (flags: CompareFlags) => flags.saveBaseline,
    why: 'only keeps runs of the head, and judges nothing',
    unread: [
      'base',
      'baseline',
      'budget',
      'strict',
      'seed',
      'alpha',
      'suite',
      'json',
      'html',
      'md',
      'junit',
      'bencher',
      'benchmark-action',
      'csv',
      'strict-load',
    ],
  },
  {
    flag: '--baseline',
    given: (flags: CompareFlags) => flags.baseline,
    why: 'is compared with as many runs of the head as it has itself',
    unread: ['base', 'pairs', 'seed', 'suite', 'strict-load'],
  },
  {
    flag: '--suite',
    given: (flags: CompareFlags) => flags.suite,
    why: 'says itself what is played',
    unread: ['scenario', ...planOptions.map(({ flag }) => flag)],
  },
];

function refuseUnread(command: Command, flags: CompareFlags): void {
  for (const { flag, given, why, unread } of UNREAD) {
    if (given(flags) === undefined) continue;
    const other = unread.find((name) => command.getOptionValueSource(new Flag(`--${name}`).attributeName()) === 'cli');
    if (other !== undefined) throw new FanwireError('FANWIRE_USAGE_COMPARE', `${flag} ${why}: leave --${other} out`);
  }
}

async function compare(command: Command, flags: CompareFlags, asked: Asking): Promise<void> {
  refuseUnread(command, flags);
  const file = flags.scenario.endsWith('.json')
    ? readScenarioFile(flags.scenario)
    : { scenario: flags.scenario, plan: {} };
  const { comparisonFiles, writeComparison } = await import('../../bench/compare/write.js');
  const files = comparisonFiles(flags);
  (await import('../../bench/report/files.js')).requireWritable({ ...files, 'save-baseline': flags.saveBaseline });
  const { exitCodeOf, runComparison } = await import('../../bench/compare/run.js');
  const { defaultCacheFolder } = await import('../../bench/compare/sides/cache.js');
  const interrupt = new AbortController();
  onEndSignal(() => interrupt.abort(new FanwireError('FANWIRE_COMPARE_INTERRUPTED', 'interrupted: no verdict')));
  const comparison = await runComparison({
    base: flags.base,
    head: flags.head,
    scenario: file.scenario ?? PLAN_DEFAULTS.scenario,
    suite: flags.suite,
    plan: { ...file.plan, ...givenPlan(command) },
    isLoadStrict: flags.strictLoad ?? false,
    budget: flags.budget,
    alpha: flags.alpha,
    pairs: flags.pairs,
    maxMinutes: flags.maxMinutes,
    capacityMs: flags.capacity,
    asksWhy: flags.why,
    seed: flags.seed,
    side: {
      build: flags.build ?? '',
      start: flags.start ?? '',
      serveFlags: flagsOf(flags.serve),
      cacheFolder: flags.cache ?? defaultCacheFolder(),
      signal: interrupt.signal,
    },
    baseline: flags.baseline,
    saveBaseline: flags.saveBaseline,
    onPlanned: (planned) => Object.assign(asked, planned),
    signal: interrupt.signal,
  });
  if (comparison === null) return;
  process.exitCode = exitCodeOf(comparison, flags.strict ?? false);
  for (const name of await writeComparison(comparison, files, flags.quiet ?? false)) {
    process.stderr.write(`wrote ${name}\n`);
  }
  if (process.exitCode !== Exit.invalid) return;
  const { mendOfUndecided } = await import('../../bench/compare/mend.js');
  const mend = mendOfUndecided(comparison, { ...asked, args: process.argv.slice(2) });
  if (mend !== undefined) process.stderr.write(`try: ${mend}\n`);
}

/** What is known of a comparison before it is played. */
interface Asking {
  plan: Plan | undefined;
  maxMinutes: number;
}

/** The command to try instead of one that measured nothing. */
async function mendOf(error: unknown, asked: Asking): Promise<string | undefined> {
  if (!(error instanceof FanwireError) || error.code !== 'FANWIRE_COMPARE_INVALID') return undefined;
  const { mendOfInvalid } = await import('../../bench/compare/mend.js');
  return mendOfInvalid(error.message, { ...asked, args: process.argv.slice(2) });
}
