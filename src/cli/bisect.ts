// `fanwire bisect`: which commit made the relay worse.
import { Command } from 'commander';
import { onEndSignal } from '../base/end-signals.js';
import { FanwireError } from '../base/error.js';
import { Exit } from '../base/exit-codes.js';
import { measuring } from './measuring.js';

interface BisectFlags {
  good: string;
  bad: string;
  cache?: string;
  json?: string;
}

/** Flags of compare that a bisection sets itself. */
const OWN = [
  '--base',
  '--head',
  '--one-sided',
  '--strict',
  '--quiet',
  '-q',
  '--html',
  '--md',
  '--junit',
  '--baseline',
  '--save-baseline',
];

export function bisectCommand(): Command {
  const command = new Command('bisect')
    .description('find the commit that made the relay worse: git bisect, with a comparison a step')
    .usage('--good <ref> --bad <ref> [flags of compare]')
    .requiredOption('--good <ref>', 'a commit that is good, with which each step is compared')
    .requiredOption('--bad <ref>', 'a later commit that is worse')
    .option('--cache <folder>', 'where built checkouts are kept (default: ~/.cache/fanwire/compare)')
    .option('--json <file>', 'write the outcome (fanwire.bisection/1)')
    .allowUnknownOption()
    .allowExcessArguments()
    .addHelpText(
      'after',
      '\nEvery other flag is one of compare: --budget "cpu:+5%" --start "node server.js" --max-minutes 5 …\n' +
        'Each step asks for the one metric that tells the two apart best. What measures nothing or stays undecided is skipped. Your folder and your branch stay as they are.\n' +
        'Exit codes: 0 found, 2 wrong flag, 3 not found (the bad commit is not worse, or too much was skipped), 130 interrupted.',
    );
  return command.action((flags: BisectFlags) => measuring(() => bisect(flags, command.args), 'nothing was found'));
}

async function bisect(flags: BisectFlags, further: readonly string[]): Promise<void> {
  const own = further.find((word) => OWN.includes(word.replace(/=.*$/, '')));
  if (own !== undefined)
    throw new FanwireError('FANWIRE_USAGE_BISECT', `${own} is set by the bisection itself: leave it out`);
  const { requireWritable, write } = await import('../../bench/report/files.js');
  requireWritable({ json: flags.json });
  const { bisect: play } = await import('../../bench/compare/bisect.js');
  const { defaultCacheFolder } = await import('../../bench/compare/sides/cache.js');
  const interrupt = new AbortController();
  onEndSignal(() => interrupt.abort(new FanwireError('FANWIRE_COMPARE_INTERRUPTED', 'interrupted: nothing found')));
  const found = await play({
    good: flags.good,
    bad: flags.bad,
    flags: further,
    cacheFolder: flags.cache || defaultCacheFolder(),
    signal: interrupt.signal,
    say: (line) => process.stderr.write(`bisect: ${line}\n`),
  });
  const list = found.firstBad.map(({ commit, subject }) => `${commit} ${subject}`);
  const isFound = list.length === 1;
  const head = isFound
    ? 'The first bad commit is'
    : 'What could not be measured was skipped; the first bad commit is one of';
  const out = flags.json === '-' ? process.stderr : process.stdout;
  out.write(`${head}\n${list.map((line) => `  ${line}\n`).join('')}`);
  process.exitCode = isFound ? Exit.good : Exit.invalid;
  if (flags.json !== undefined) write(flags.json, `${JSON.stringify(found, null, 2)}\n`);
}
