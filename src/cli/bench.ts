// `fanwire bench`: plays one scenario on one engine against one target, prints the result, and exits with what to
// think of it.
import { Command } from 'commander';
import { givenPlan, readScenarioFile, type ScenarioFile } from '../../bench/scenarios/plan-options.js';
import { PLAN_DEFAULTS } from '../../bench/scenarios/scenario.js';
import { onEndSignal } from '../base/end-signals.js';
import { FanwireError } from '../base/error.js';
import { Exit } from '../base/exit-codes.js';
import { declareFlags, givenTo } from '../config/flags.js';
import { loadOptions } from '../config/sources.js';
import { flagsOf } from './argument.js';
import { judging } from './measuring.js';
import { benchSchema } from './options/bench.js';

export function benchCommand(): Command {
  const command = new Command('bench')
    .description('measure a relay: fanwire started for the run, or any WebSocket server')
    .argument('[scenario]', 'what happens; `fanwire bench list` explains them (default: fan-out)');
  declareFlags(command, benchSchema);
  return command
    .addHelpText(
      'after',
      '\nEvery option is also a variable (--max-handshakes: FANWIRE_BENCH_MAX_HANDSHAKES) and a key of the --config file.\n' +
        'Exit codes: 0 good; 1 messages lost, connections failed, the objective missed, or no run; 2 wrong flag; 3 invalid run; 130 interrupted',
    )
    .action((scenario: string | undefined) => judging(() => bench(command, scenario)))
    .addCommand(new Command('list').description('explain the scenarios').action(list));
}

async function bench(command: Command, name: string | undefined): Promise<void> {
  const { config, origins } = loadOptions(benchSchema, givenTo(command, benchSchema));
  const file = await saidBy(config.scenario);
  const { requireWritable, stdoutReport } = await import('../../bench/report/files.js');
  const { reportFiles, writeReports } = await import('../../bench/report/write.js');
  const files = reportFiles(config);
  requireWritable(files);
  const { runBench, exitCodeOf } = await import('../../bench/run/command.js');
  const { mendedCommand } = await import('../../bench/run/mend.js');
  const slo = config.slo ?? file.slo;
  const interrupt = new AbortController();
  onEndSignal(() => interrupt.abort(new FanwireError('FANWIRE_BENCH_INTERRUPTED', 'interrupted: no result')));
  const result = await runBench({
    scenario: name ?? file.scenario ?? PLAN_DEFAULTS.scenario,
    plan: { ...file.plan, ...givenPlan(config, origins) },
    slo,
    engine: config.engine,
    target: {
      urls: config.url,
      serverPids: config.serverPid,
      adminUrl: config.adminUrl,
      command: config.cmd,
      path: config.path,
      peer: config.peer,
      dialect: config.dialect,
      nodes: config.nodes,
      workers: config.workers,
      serveFlags: flagsOf(config.serve),
    },
    isPinned: config.pin,
    isLoadStrict: config.strictLoad,
    isQuiet: config.quiet,
    label: config.label,
    headers: config.headers,
    localAddresses: config.localAddress,
    isInsecureAllowed: config.insecure,
    signal: interrupt.signal,
  });
  // The table is printed first, so that it is seen whatever becomes of the files. A report on stdout has stdout for
  // itself.
  const out = stdoutReport(files) === undefined ? process.stdout : process.stderr;
  if (!config.quiet) {
    const { renderTerminal, terminalOptions } = await import('../../bench/report/terminal.js');
    out.write(renderTerminal([result], terminalOptions(out, process.env)));
  }
  const { code, missed, faults } = exitCodeOf(result, slo);
  // The table, where there is one, says this already.
  if (config.quiet) {
    for (const fault of faults) process.stderr.write(`fanwire: failed run: ${fault} [FANWIRE_BENCH_FAILED]\n`);
    for (const reason of result.invalidReasons) {
      process.stderr.write(`fanwire: invalid run: ${reason} [FANWIRE_BENCH_INVALID]\n`);
    }
    for (const remark of result.remarks ?? []) process.stderr.write(`fanwire: ${remark} [FANWIRE_BENCH_REMARK]\n`);
  }
  for (const term of missed) process.stderr.write(`fanwire: objective missed: ${term} [FANWIRE_BENCH_SLO]\n`);
  process.exitCode = code;
  for (const name of await writeReports([result], files)) process.stderr.write(`wrote ${name}\n`);
  if (code === Exit.invalid)
    process.stderr.write(`try: ${mendedCommand(result, process.argv.slice(2), 'npx fanwire')}\n`);
}

/** What `--scenario` says: nothing, a name, or a file. */
async function saidBy(scenario: string | undefined): Promise<ScenarioFile> {
  if (scenario === undefined) return { plan: {} };
  const { scenarios } = await import('../../bench/scenarios/all.js');
  return scenarios.some(({ name }) => name === scenario) ? { scenario, plan: {} } : readScenarioFile(scenario);
}

async function list(): Promise<void> {
  const { scenarios } = await import('../../bench/scenarios/all.js');
  for (const { name, summary, explains } of scenarios) process.stdout.write(`${name}\n  ${summary}\n  ${explains}\n\n`);
}
