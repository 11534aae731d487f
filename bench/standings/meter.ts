#!/usr/bin/env node
// `npm run bench:meter`: the native engine beside a generator in a single epoll loop (generator.cpp), same load, same
// relay, interleaved. Their ratio says how much of a latency is the native engine's own.

import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { onEndSignal } from '../../src/base/end-signals.js';
import { FanwireError } from '../../src/base/error.js';
import { exitCodeFor } from '../../src/base/error-codes.js';
import { NATIVE_DEFAULTS, nativeEngine } from '../engines/native.js';
import { median } from '../measure/median.js';
import { pinnedCommand, pinProcess, splitCores } from '../measure/pinning.js';
import { raisedCommand, raisePriority } from '../measure/priority.js';
import { compile } from '../peers/toolchain.js';
import { tableLines } from '../report/markdown.js';
import { playPlan } from '../run/run.js';
import { positive, scriptCommand } from '../run/script-command.js';
import { PLAN_DEFAULTS, type Plan } from '../scenarios/scenario.js';
import { startRelayTarget } from '../targets/relay.js';
import type { Target } from '../targets/target.js';

const FOLDER = fileURLToPath(new URL('../../../bench/peers/', import.meta.url));
const LOADS = [
  { subscribers: 50, rate: 20 },
  { subscribers: 10, rate: 100 },
] as const;
const WARMUP_S = 1;
/** Longer than both take to connect and drain. */
const ENDS_WITHIN_S = 20;

interface Flags {
  readonly rounds: number;
  readonly minutes: number;
  readonly duration: number;
}

/** Latencies of one run, ms. */
interface Latency {
  readonly p50: number;
  readonly p99: number;
  readonly delivered: number;
}

interface MeterPair {
  readonly load: (typeof LOADS)[number];
  readonly epoll: Latency;
  readonly native: Latency;
}

const program = scriptCommand('bench:meter', 'the native engine’s latency beside an epoll loop’s: what the meter adds')
  .option('--rounds <n>', 'rounds at most, each with both loads', positive, 10)
  .option('--minutes <n>', 'begin no round that would likely end after this', positive, 4.5)
  .option('--duration <s>', 'seconds measured in each run', positive, 5)
  .action(main);

async function main({ rounds, minutes, duration }: Flags): Promise<void> {
  const compiled = compile(['generator.cpp'], FOLDER, (output) => [
    'g++',
    '-O2',
    '-std=c++17',
    'generator.cpp',
    '-o',
    output,
  ]);
  if (!compiled.ok) throw new FanwireError('FANWIRE_BENCH_PEER_ABSENT', `the epoll generator: ${compiled.reason}`);
  const cores = splitCores(1);
  pinProcess(process.pid, cores.generator);
  raisePriority();
  const interrupt = new AbortController();
  onEndSignal(() => interrupt.abort(new FanwireError('FANWIRE_BENCH_INTERRUPTED', 'interrupted: no ratio')));
  const native = nativeRun(cores.generator, duration, interrupt.signal);
  const epoll = epollRun(compiled.binary, cores.generator, duration, interrupt.signal);
  const pairs: MeterPair[] = [];
  const startedMs = performance.now();
  for (let round = 1; round <= rounds; round++) {
    const eachMs = (performance.now() - startedMs) / Math.max(1, round - 1);
    if (round > 1 && performance.now() + eachMs > startedMs + minutes * 60_000) break;
    for (const load of LOADS) {
      const pair = await playPair(load, round % 2 === 1, { cores: cores.server, native, epoll });
      pairs.push(pair);
      process.stderr.write(
        `round ${round}  ${describe(load)}  epoll ${pair.epoll.p50} ms, native ${pair.native.p50} ms\n`,
      );
    }
  }
  process.stdout.write(`${tableOf(pairs)}\n`);
}

type Meter = (load: MeterPair['load'], target: Target) => Promise<Latency>;

/** Both on one relay: what its process happened to be given is then in both. */
async function playPair(
  load: MeterPair['load'],
  isNativeFirst: boolean,
  { cores, native, epoll }: { cores: readonly number[]; native: Meter; epoll: Meter },
): Promise<MeterPair> {
  const target = await startRelayTarget({
    nodes: 1,
    workers: 1,
    dialect: 'raw',
    flags: [],
    cores,
    connections: 2 * load.subscribers,
  });
  try {
    const first = await (isNativeFirst ? native : epoll)(load, target);
    const second = await (isNativeFirst ? epoll : native)(load, target);
    return isNativeFirst ? { load, native: first, epoll: second } : { load, native: second, epoll: first };
  } finally {
    await target.stop();
  }
}

function nativeRun(cores: readonly number[], durationS: number, signal: AbortSignal): Meter {
  const engine = nativeEngine({ ...NATIVE_DEFAULTS, cores });
  return async (load, target) => {
    const plan: Plan = { ...PLAN_DEFAULTS, ...load, warmupS: WARMUP_S, durationS };
    const hooks = { progress: () => {}, signal: AbortSignal.any([signal]) };
    const { latencyMs, delivered } = await playPlan(engine, plan, target, hooks);
    return { p50: latencyMs.p50 ?? 0, p99: latencyMs.p99 ?? 0, delivered };
  };
}

function epollRun(binary: string, cores: readonly number[], durationS: number, signal: AbortSignal): Meter {
  const run = promisify(execFile);
  return async ({ subscribers, rate }, target) => {
    const { port } = new URL(target.urls[0] as string);
    const [tool = '', ...args] = raisedCommand(
      pinnedCommand([binary, port, ...[subscribers, rate, durationS, WARMUP_S].map(String)], cores),
    );
    const { stdout } = await run(tool, args, { signal, timeout: (durationS + ENDS_WITHIN_S) * 1000 });
    return JSON.parse(stdout);
  };
}

function tableOf(pairs: readonly MeterPair[]): string {
  const rows = LOADS.map((load) => {
    const own = pairs.filter((pair) => pair.load === load);
    const ratios = own.map(({ native, epoll }) => native.p50 / epoll.p50);
    const whole = own.every(({ native, epoll }) => native.delivered === epoll.delivered);
    return [
      describe(load),
      ...(['p50', 'p99'] as const).flatMap((at) => [
        median(own.map(({ epoll }) => epoll[at]))?.toFixed(2) ?? '–',
        median(own.map(({ native }) => native[at]))?.toFixed(2) ?? '–',
      ]),
      `${median(ratios)?.toFixed(2)} (${Math.min(...ratios).toFixed(2)} to ${Math.max(...ratios).toFixed(2)})`,
      `${own.length}${whole ? '' : ', deliveries differ'}`,
    ];
  });
  const header = ['load', 'epoll p50', 'native p50', 'epoll p99', 'native p99', 'native ÷ epoll, p50', 'pairs'];
  return tableLines(header, rows).join('\n');
}

function describe({ subscribers, rate }: MeterPair['load']): string {
  return `${subscribers} subscribers × ${rate} msg/s`;
}

try {
  await program.parseAsync();
} catch (error) {
  const text = error instanceof Error ? error.message : String(error);
  const code = error instanceof FanwireError ? error.code : '';
  process.stderr.write(`bench:meter: ${text}${code === '' ? '' : ` [${code}]`}\n`);
  process.exitCode = exitCodeFor(code);
}
