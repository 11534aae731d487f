// `fanwire bench`: runs one scenario on one engine against one target, prints the result and says by its exit code what
// to think of it.
import { isIP } from 'node:net';
import { Command, Option as Flag } from 'commander';
import type { ReportFiles } from '../../bench/report/write.js';
import { readScenarioFile } from '../../bench/scenarios/plan-options.js';
import { PLAN_DEFAULTS } from '../../bench/scenarios/scenario.js';
import type { Dialect } from '../../bench/targets/target.js';
import { onEndSignal } from '../base/end-signals.js';
import { FanwireError } from '../base/error.js';
import { Exit } from '../base/exit-codes.js';
import { collect, flagsOf, header } from './argument.js';
import { declarePlanFlags, givenPlan } from './plan-flags.js';

interface BenchFlags extends ReportFiles {
  scenario?: string;
  slo?: string;
  engine?: string;
  url?: string[];
  serverPid?: number[];
  adminUrl?: string;
  cmd?: string;
  peer?: string;
  path?: string;
  dialect?: Dialect;
  nodes?: number;
  workers?: number;
  serve?: string;
  pin: boolean;
  header?: Record<string, string>;
  localAddress?: string[];
  insecure?: boolean;
  quiet?: boolean;
  strictLoad?: boolean;
  label?: string;
}

function count(flag: string): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (Number.isInteger(value) && value > 0) return value;
    throw new FanwireError('FANWIRE_USAGE_BENCH_RANGE', `${flag} must be a whole number above 0, got ${text}`);
  };
}

function localAddress(text: string, earlier?: string[]): string[] {
  if (isIP(text) !== 0) return collect(text, earlier);
  throw new FanwireError('FANWIRE_USAGE_BENCH_ADDRESS', `--local-address must be an IP address, got ${text}`);
}

export function benchCommand(): Command {
  const command = new Command('bench')
    .description('measure a relay: fanwire started for the run, or any WebSocket server')
    .argument('[scenario]', 'what happens; `fanwire bench list` explains them (default: fan-out)')
    .helpOption('-h, --help', 'display help for command');
  command
    .optionsGroup('Target (default: a fanwire relay started for the run):')
    .option(
      '--url <url>',
      'a running server, ws:// or wss://, topic appended; repeat for the nodes of a cluster',
      collect,
    )
    .option('--server-pid <pid>', 'its process, to read CPU and memory; repeatable', (pid, all: number[] = []) => [
      ...all,
      count('--server-pid')(pid),
    ])
    .option('--admin-url <url>', 'its admin routes, http://, for the scenario http-admin')
    .option('--cmd <command>', 'start this; it must listen on PORT (or {port}) of the loopback')
    .option('--peer <name>', 'start this other server (`npm run bench:peers -- --list` shows which are here)')
    .option('--path <path>', 'path before the topic on a --cmd server')
    .addOption(
      new Flag('--dialect <name>', 'how topics and frames are spoken').choices(['raw', 'fanwire.v1', 'socket.io']),
    )
    .option('--nodes <n>', 'relays to start, as one cluster (default: 1)', count('--nodes'))
    .option('--workers <n>', 'threads of each (default: 1)', count('--workers'))
    .option('--serve <flags>', 'further flags of `fanwire serve`, in one argument')
    .optionsGroup('Scenario (defaults are the scenario’s):')
    .option(
      '--scenario <file>',
      'JSON file of parameters, by the names that a result’s "params" has; flags win over it',
    )
    .option('--slo <objective>', 'exit 1 when it is missed, such as "p99<20ms,loss==0"');
  declarePlanFlags(
    command,
    ({ key, unit }) =>
      `${unit === undefined ? '' : `in ${unit}; `}usually ${PLAN_DEFAULTS[key] === '' ? 'none' : PLAN_DEFAULTS[key]}`,
  );
  return command
    .optionsGroup('Engine:')
    .option('--engine <name>', 'native, k6 or autocannon (default: native; http-publish and http-admin: autocannon)')
    .option(
      '--strict-load',
      'play the default load as it is (else: as much of it as this machine carries, found by a probe)',
    )
    .option(
      '--no-pin',
      'leave server and generator to the kernel (else: cores of their own where taskset is found, and priority where it is allowed)',
    )
    .option('--header <header>', 'further header of each upgrade, "Name: value"; repeatable', header)
    .option('--local-address <ip>', 'connect from this address; repeatable', localAddress)
    .option('--insecure', 'accept any TLS certificate')
    .optionsGroup('Output:')
    .option('--label <text>', 'what reports call this run')
    .option('--json <file>', 'write the result (fanwire.result/1); - is stdout, for each of these')
    .option('--html <file>', 'write one self-contained HTML page with charts')
    .option('--md <file>', 'add Markdown to a file, for a CI summary')
    .option('--junit <file>', 'write JUnit XML')
    .option('-q, --quiet', 'print no table')
    .addHelpText(
      'after',
      '\nExit codes: 0 good; 1 messages lost, connections failed, the objective missed, or no run; 2 wrong flag; 3 invalid run; 130 interrupted',
    )
    .action((scenario: string | undefined, flags: BenchFlags) => bench(command, scenario, flags))
    .addCommand(new Command('list').description('explain the scenarios').action(list));
}

async function bench(command: Command, name: string | undefined, flags: BenchFlags): Promise<void> {
  const file = flags.scenario === undefined ? { plan: {} } : readScenarioFile(flags.scenario);
  const { requireWritable, stdoutReport } = await import('../../bench/report/files.js');
  const { reportFiles, writeReports } = await import('../../bench/report/write.js');
  const files = reportFiles(flags);
  requireWritable(files);
  const { runSession, exitCodeOf } = await import('../../bench/run/session.js');
  const { mendedCommand } = await import('../../bench/run/mend.js');
  const slo = flags.slo ?? file.slo;
  const interrupt = new AbortController();
  onEndSignal(
    () => interrupt.abort(new FanwireError('FANWIRE_BENCH_INTERRUPTED', 'interrupted: no result')),
    () => process.exit(Exit.interrupted), // a server that was started for the run ends with this process
  );
  const result = await runSession({
    scenario: name ?? file.scenario ?? PLAN_DEFAULTS.scenario,
    plan: { ...file.plan, ...givenPlan(command) },
    slo,
    engine: flags.engine,
    target: {
      urls: flags.url ?? [],
      serverPids: flags.serverPid ?? [],
      adminUrl: flags.adminUrl,
      command: flags.cmd,
      path: flags.path ?? '',
      peer: flags.peer,
      dialect: flags.dialect,
      nodes: flags.nodes,
      workers: flags.workers,
      serveFlags: flagsOf(flags.serve),
    },
    isPinned: flags.pin,
    isLoadStrict: flags.strictLoad ?? false,
    isQuiet: flags.quiet ?? false,
    label: flags.label,
    headers: flags.header ?? {},
    localAddresses: flags.localAddress ?? [],
    isInsecureAllowed: flags.insecure ?? false,
    signal: interrupt.signal,
  });
  // The table first: whatever becomes of the files, it has been seen. A report on stdout has that for itself.
  const out = stdoutReport(files) === undefined ? process.stdout : process.stderr;
  if (!flags.quiet) {
    const { renderTerminal, terminalOptions } = await import('../../bench/report/terminal.js');
    out.write(renderTerminal([result], terminalOptions(out, process.env)));
  }
  const { code, missed, faults } = exitCodeOf(result, slo);
  // The table says it where there is one.
  if (flags.quiet) {
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

async function list(): Promise<void> {
  const { scenarios } = await import('../../bench/scenarios/all.js');
  for (const { name, summary, explains } of scenarios) process.stdout.write(`${name}\n  ${summary}\n  ${explains}\n\n`);
}
