// `fanwire conform`: plays a relay with faults to a client of anybody's, and judges what it does.
import { Command } from 'commander';
import type { ConformScenario, Judgement } from '../../bench/conform/stage.js';
import { onEndSignal } from '../base/end-signals.js';
import { FanwireError } from '../base/error.js';
import { Exit } from '../base/exit-codes.js';
import { decimal, integer } from '../config/types.js';
import { argument } from './argument.js';
import { measuring } from './measuring.js';

interface ConformFlags {
  readonly only?: readonly string[];
  readonly list?: boolean;
  readonly json?: boolean;
  readonly jobs: number;
  readonly patience: number;
}

export function conformCommand(): Command {
  return new Command('conform')
    .description('play a relay with faults to a client in any language, and judge what it does')
    .argument('[command...]', 'what starts the adapter of the client under test, after --')
    .option('--only <word>', 'only the scenarios whose name has this word; may be given again', collect)
    .option('--list', 'list the scenarios, and what each plays')
    .option('--json', 'a line of JSON for each judgement')
    .option('--jobs <n>', 'how many scenarios are played at once', argument('--jobs', integer(1, 64)), 4)
    .option(
      '--patience <n>',
      'wait so many times as long for what a right client does: for slow machines',
      argument('--patience', decimal(0.1, 100)),
      1,
    )
    .addHelpText(
      'after',
      '\nExample: fanwire conform -- python3 adapter.py\n' +
        'docs/conformance.md says how an adapter is written: some 60 lines.\n' +
        'Exit codes: 0 all judged good, 1 a judge found a fault, 2 wrong flag, 3 nothing could be judged, 130 interrupted.',
    )
    .action((command: string[], flags: ConformFlags) => measuring(() => conform(command, flags), 'nothing was judged'));
}

const collect = (word: string, earlier: readonly string[] = []): readonly string[] => [...earlier, word];

async function conform(command: readonly string[], flags: ConformFlags): Promise<void> {
  const { SCENARIOS } = await import('../../bench/conform/scenarios/all.js');
  const scenarios = chosen(SCENARIOS, flags.only ?? []);
  if (flags.list) {
    const width = Math.max(...scenarios.map(({ name }) => name.length));
    for (const { name, about } of scenarios) process.stdout.write(`${name.padEnd(width)}  ${about}\n`);
    return;
  }
  if (command.length === 0) throw usage('name the command that starts the adapter, after --');
  const { askAdapter, runScenarios } = await import('../../bench/conform/run.js');
  const interrupt = new AbortController();
  onEndSignal(() => interrupt.abort());
  const say = flags.json ? sayJson : sayLine;
  const count = { judged: 0, bad: 0, leftOut: 0 };
  const options = {
    command,
    scenarios,
    jobs: flags.jobs,
    patience: flags.patience,
    stop: interrupt.signal,
    played(_scenario: ConformScenario, judgements: readonly Judgement[]) {
      count.judged += judgements.length;
      count.bad += judgements.filter(({ isGood }) => !isGood).length;
      judgements.forEach(say);
    },
    leftOut({ name }: ConformScenario, lacking: string) {
      count.leftOut++;
      if (!flags.json) process.stdout.write(`left  ${name}: the client has no ${lacking}\n`);
    },
  };
  const adapter = await askAdapter(options);
  await runScenarios(options, adapter);
  if (interrupt.signal.aborted) {
    throw new FanwireError('FANWIRE_CONFORM_INTERRUPTED', `interrupted after ${count.judged} judgements`);
  }
  if (count.judged === 0)
    throw new FanwireError('FANWIRE_CONFORM_ADAPTER', 'the client can do nothing of what is played');
  process.exitCode = count.bad === 0 ? Exit.good : Exit.failed;
  const left = count.leftOut === 0 ? '' : `, ${count.leftOut} scenarios left out`;
  process.stderr.write(`${adapter.name}: ${count.judged} judged, ${count.bad} bad${left}\n`);
}

function chosen(all: readonly ConformScenario[], words: readonly string[]): readonly ConformScenario[] {
  for (const word of words) {
    if (!all.some(({ name }) => name.includes(word)))
      throw usage(`no scenario has ${JSON.stringify(word)} in its name; see --list`);
  }
  return words.length === 0 ? all : all.filter(({ name }) => words.some((word) => name.includes(word)));
}

function sayLine({ scenario, name, isGood, expected, seen }: Judgement): void {
  const line = isGood ? `ok    ${scenario}: ${name}` : `BAD   ${scenario}: ${name}; expected ${expected}; seen ${seen}`;
  process.stdout.write(`${line}\n`);
}

function sayJson(judgement: Judgement): void {
  process.stdout.write(`${JSON.stringify(judgement)}\n`);
}

function usage(message: string): FanwireError {
  return new FanwireError('FANWIRE_USAGE_CONFORM', message);
}
