// `fanwire compare`: two builds, one verdict: has the head become slower, dearer or leakier than the base?
import { Command, Option as Flag } from 'commander';
import { parameter, parameterKeys } from '../../bench/k6/lib/parameters.js';
import { givenPlan, readScenarioFile } from '../../bench/scenarios/plan-options.js';
import { PLAN_DEFAULTS, type Plan } from '../../bench/scenarios/scenario.js';
import { onEndSignal } from '../base/end-signals.js';
import { FanwireError } from '../base/error.js';
import { Exit } from '../base/exit-codes.js';
import { declareFlags, givenTo } from '../config/flags.js';
import { loadOptions } from '../config/sources.js';
import { flagsOf } from './argument.js';
import { measuring } from './measuring.js';
import { compareSchema } from './options/compare.js';

type CompareConfig = ReturnType<typeof loadOptions<typeof compareSchema.groups>>['config'];

export function compareCommand(): Command {
  const command = new Command('compare').description('run two builds interleaved and say whether the second is worse');
  declareFlags(command, compareSchema);
  return command
    .addHelpText(
      'after',
      '\nEvery option is also a variable (--max-minutes: FANWIRE_COMPARE_MAX_MINUTES) and a key of the --config file.\n' +
        'Exit codes: 0 not worse, or inconclusive; 1 judged worse, and nothing else; 2 wrong flag; 3 nothing was\n' +
        'measured (a build or server that fails, a busy machine), or undecided with --strict; 130 interrupted. In a GitHub workflow the verdict is also annotated and put in the job summary.',
    )
    .action(() => {
      const asked: Asking = { plan: undefined, maxMinutes: 0 };
      return measuring(
        () => compare(command, asked),
        undefined,
        (error) => mendOf(error, asked),
      );
    });
}

/** Flags that have no effect beside another one, and why. */
const UNREAD = [
  {
    flag: '--save-baseline',
    given: (flags: CompareConfig) => flags.saveBaseline,
    why: 'only keeps runs of the head, and judges nothing',
    unread: [
      'base',
      'baseline',
      'budget',
      'strict',
      'seed',
      'alpha',
      'one-sided',
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
    given: (flags: CompareConfig) => flags.baseline,
    why: 'is compared with as many runs of the head as it has itself',
    unread: ['base', 'pairs', 'one-sided', 'seed', 'suite', 'strict-load'],
  },
  {
    flag: '--suite',
    given: (flags: CompareConfig) => flags.suite,
    why: 'says itself what is played',
    unread: ['scenario', ...parameterKeys.map((key) => parameter(key).flag)],
  },
];

function refuseUnread(command: Command, flags: CompareConfig): void {
  for (const { flag, given, why, unread } of UNREAD) {
    if (given(flags) === undefined) continue;
    const other = unread.find((name) => command.getOptionValueSource(new Flag(`--${name}`).attributeName()) === 'cli');
    if (other !== undefined) throw new FanwireError('FANWIRE_USAGE_COMPARE', `${flag} ${why}: leave --${other} out`);
  }
}

async function compare(command: Command, asked: Asking): Promise<void> {
  const { config: flags, origins } = loadOptions(compareSchema, givenTo(command, compareSchema));
  refuseUnread(command, flags);
  const file = flags.scenario.endsWith('.json')
    ? readScenarioFile(flags.scenario)
    : { scenario: flags.scenario, plan: {} };
  const { comparisonFiles, writeComparison } = await import('../../bench/compare/write.js');
  const files = comparisonFiles(flags);
  (await import('../../bench/report/files.js')).requireWritable({ ...files, 'save-baseline': flags.saveBaseline });
  const { exitCodeOf, runCompare } = await import('../../bench/compare/command.js');
  const { defaultCacheFolder } = await import('../../bench/compare/sides/cache.js');
  const interrupt = new AbortController();
  onEndSignal(() => interrupt.abort(new FanwireError('FANWIRE_COMPARE_INTERRUPTED', 'interrupted: no verdict')));
  const comparison = await runCompare({
    base: flags.base,
    head: flags.head,
    scenario: file.scenario ?? PLAN_DEFAULTS.scenario,
    suite: flags.suite,
    plan: { ...file.plan, ...givenPlan(flags, origins) },
    isLoadStrict: flags.strictLoad,
    budget: flags.budget,
    alpha: flags.alpha,
    pairs: flags.pairs,
    isOneSided: flags.oneSided,
    maxMinutes: flags.maxMinutes,
    capacityMs: flags.capacityMs,
    isCapacityNamed: origins.capacityMs !== 'default',
    asksWhy: flags.why,
    seed: flags.seed,
    side: {
      build: flags.build,
      start: flags.start,
      path: flags.path,
      serveFlags: flagsOf(flags.serve),
      cacheFolder: flags.cache || defaultCacheFolder(),
      signal: interrupt.signal,
    },
    headers: flags.headers,
    isInsecureAllowed: flags.insecure,
    baseline: flags.baseline,
    saveBaseline: flags.saveBaseline,
    onPlanned: (planned) => Object.assign(asked, planned),
    signal: interrupt.signal,
  });
  if (comparison === null) return;
  process.exitCode = exitCodeOf(comparison, flags.strict);
  try {
    for (const name of await writeComparison(comparison, files, flags.quiet)) process.stderr.write(`wrote ${name}\n`);
  } catch (error) {
    // The verdict is known and told: its exit code stands.
    if (!(error instanceof FanwireError) || error.code !== 'FANWIRE_REPORT_WRITE') throw error;
    process.stderr.write(`fanwire: ${error.message} [${error.code}]\n`);
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
