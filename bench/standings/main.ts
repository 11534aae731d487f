#!/usr/bin/env node
// `npm run bench:peers`: fanwire and every peer that is here, the same scenarios, interleaved; ratios with their
// spread.

import { join } from 'node:path';
import { onEndSignal } from '../../src/base/end-signals.js';
import { FanwireError } from '../../src/base/error.js';
import { exitCodeFor } from '../../src/base/error-codes.js';
import { formatMs, formatSeconds } from '../../src/base/page/format.js';
import { NATIVE_DEFAULTS, nativeEngine } from '../engines/native.js';
import { pinProcess, splitCores } from '../measure/pinning.js';
import { raisePriority } from '../measure/priority.js';
import { PEERS, type Peer, peerNamed } from '../peers/registry.js';
import { startPeer } from '../peers/start.js';
import { write } from '../report/files.js';
import { writeReports } from '../report/write.js';
import { validateResult } from '../result/result-validate.js';
import { deliverFlags } from '../run/choose-target.js';
import { positive, scriptCommand } from '../run/script-command.js';
import { scenarioNamed } from '../scenarios/all.js';
import { PLAN_DEFAULTS, type Plan } from '../scenarios/scenario.js';
import { startRelayTarget } from '../targets/relay.js';
import { type Contestant, playRounds } from './rounds.js';
import { medianRuns, type ServerRun } from './standings.js';
import { type Absentee, standingsMarkdown } from './standings-markdown.js';

const BASE = 'fanwire';
/** Short, so that three rounds of nine servers end in six minutes (a run took 6.5 s with 3 s measured, on a busy
 *  machine); 250 messages a run are enough for a p99. */
const WARMUP_S = 1;
const DURATION_S = 2.5;
/** Where a scenario asks more than the slowest peer can do: then its queue would be measured, not its work.
 *  At the burst scenario's ten bursts a second, ws and Socket.IO fell behind without end. */
const MILDER: Readonly<Record<string, Partial<Plan>>> = { burst: { rate: 128 } };

interface Flags {
  readonly scenario: readonly string[];
  readonly peer?: readonly string[];
  readonly rounds: number;
  readonly minutes: number;
  readonly duration: number;
  readonly subscribers?: number;
  readonly out: string;
  readonly list?: boolean;
}

const program = scriptCommand(
  'bench:peers',
  'fanwire beside every peer that is on this machine: same scenarios, interleaved rounds, ratios',
)
  .option('--scenario <name...>', 'scenarios, as `fanwire bench list` names them', ['fan-out', 'burst'])
  .option('--peer <name...>', 'only these peers (see --list)')
  .option('--rounds <n>', 'rounds at most', positive, 10)
  .option('--minutes <n>', 'begin no round that would likely end after this', positive, 5.8)
  .option('--duration <s>', 'seconds measured in each run', positive, DURATION_S)
  .option('--subscribers <n>', 'subscribers in each run (default: the scenario’s)', positive)
  .option('--out <folder>', 'where rounds.json, peers.md and peers.html go', 'results/peers')
  .option('--list', 'say which peers are here, and how to get the others')
  .action(main);

async function main(flags: Flags): Promise<void> {
  const peers = flags.peer === undefined ? PEERS : flags.peer.map(peerNamed);
  if (flags.list) return list(peers);
  const present = peers.filter((peer) => peer.find().present);
  const absent = peers.flatMap((peer): Absentee[] => {
    const presence = peer.find();
    return presence.present ? [] : [{ name: peer.name, reason: presence.reason }];
  });
  const plans = flags.scenario.map((name) => planOf(name, flags));
  const cores = splitCores(1);
  pinProcess(process.pid, cores.generator);
  raisePriority();
  const interrupt = new AbortController();
  onEndSignal(() => interrupt.abort(new FanwireError('FANWIRE_BENCH_INTERRUPTED', 'interrupted: no standings')));
  const runs = await playRounds({
    contestants: [...ourselves(cores.server, plans), ...present.map((peer) => contestant(peer, cores.server))],
    plans,
    engine: nativeEngine({ ...NATIVE_DEFAULTS, cores: cores.generator }),
    rounds: flags.rounds,
    deadlineMs: performance.now() + flags.minutes * 60_000,
    signal: interrupt.signal,
    onRun: (run) => process.stderr.write(`${progressLine(run)}\n`),
  });
  const markdown = standingsMarkdown(runs, BASE, commandLine(), absent);
  const all = runs.flatMap((run) => (run.result ? [validateResult(run.result, `${run.server}'s result`)] : []));
  const shown = plans.flatMap((plan) => medianRuns(runs, plan.scenario));
  await writeReports(all, { json: join(flags.out, 'rounds.json') });
  await writeReports(shown, { html: join(flags.out, 'peers.html') });
  write(join(flags.out, 'peers.md'), markdown);
  process.stdout.write(markdown);
}

function list(peers: readonly Peer[]): void {
  const lines = peers.map((peer) => {
    const presence = peer.find();
    const state = presence.present ? `here ${presence.version}`.trimEnd() : `not here: ${presence.reason}`;
    return `${peer.name.padEnd(10)} ${peer.summary}\n${' '.repeat(11)}${state}\n`;
  });
  process.stdout.write(lines.join(''));
}

/** The scenario's own plan, but short. Those that run several plans (sweep, search) do not fit into rounds. */
function planOf(name: string, { duration, subscribers }: Flags): Plan {
  const scenario = scenarioNamed(name);
  if (scenario.sweep !== undefined || scenario.search !== undefined) {
    throw new FanwireError('FANWIRE_USAGE_PEER_SCENARIO', `--scenario ${name} runs many plans: give one of the others`);
  }
  const short = { scenario: name, warmupS: WARMUP_S, durationS: duration };
  return {
    ...PLAN_DEFAULTS,
    ...scenario.defaults,
    ...MILDER[name],
    ...short,
    ...(subscribers !== undefined && { subscribers }),
  };
}

/** fanwire; where a plan has windows, also in its own dialect and without any. */
function ourselves(cores: readonly number[], plans: readonly Plan[]): Contestant[] {
  const own = (name: string, dialect: 'raw' | 'fanwire.v1', adapt: (plan: Plan) => Plan): Contestant => ({
    name,
    topics: true,
    label: name,
    adapt,
    start: (plan) => {
      const connections = plan.subscribers + plan.stalledSubscribers + plan.publishers;
      return startRelayTarget({ nodes: 1, workers: 1, dialect, flags: deliverFlags(plan), cores, connections });
    },
  });
  const plain = own(BASE, 'raw', (plan) => plan);
  if (plans.every(({ deliver }) => deliver === '')) return [plain];
  return [plain, own(`${BASE} enveloped`, 'fanwire.v1', (plan) => plan), own(`${BASE} at once`, 'raw', atOnce)];
}

function atOnce(plan: Plan): Plan {
  return { ...plan, deliver: '' };
}

function contestant(peer: Peer, cores: readonly number[]): Contestant {
  return { name: peer.name, topics: peer.topics, adapt: atOnce, start: () => startPeer(peer, cores) };
}

function progressLine({ round, scenario, server, result, failure }: ServerRun): string {
  const head = `round ${round}  ${scenario.padEnd(12)} ${server.padEnd(10)}`;
  if (!result) return `${head} failed: ${failure}`;
  if (!result.valid) return `${head} invalid: ${result.invalidReasons.join('; ')}`;
  const cpu = formatSeconds(result.server?.cpuPerMillionDeliveries ?? null);
  const lost = result.lost > 0 ? `, ${result.lost} lost` : '';
  return `${head} p99 ${formatMs(result.latencyMs.p99)}, CPU per million ${cpu}${lost}`;
}

function commandLine(): string {
  const flags = process.argv.slice(2).join(' ');
  return `npm run bench:peers${flags === '' ? '' : ` -- ${flags}`}`;
}

/** One line on stderr, and the exit code that `fanwire bench` would give. */
function report(error: unknown): number {
  const text = error instanceof Error ? error.message : String(error);
  const code = error instanceof FanwireError ? error.code : '';
  process.stderr.write(`bench:peers: ${text}${code === '' ? '' : ` [${code}]`}\n`);
  return exitCodeFor(code);
}

try {
  await program.parseAsync();
} catch (error) {
  process.exitCode = report(error);
}
