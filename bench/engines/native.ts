// The native engine: generator processes with their own WebSocket client on node:net, fast enough to measure a fast
// relay.
//
// Processes rather than worker threads, because the limit on open files counts per process: with `ulimit -n` 20,000,
// threads of one process could never hold 40,000 connections. One process publishes (open loop), the others
// subscribe.

import { setTimeout as sleep } from 'node:timers/promises';
import { usableCores } from '../../src/base/cpu-quota.js';
import { FanwireError } from '../../src/base/error.js';
import { MAX_PUBLISHERS, MAX_SEQUENCE } from '../k6/lib/stamp.js';
import { requireSockets, socketsPerProcess } from '../measure/file-limit.js';
import { percentileMs } from '../measure/histogram.js';
import { isPriorityRaised } from '../measure/priority.js';
import type { Plan } from '../scenarios/scenario.js';
import { shownUrl, type Target } from '../targets/target.js';
import type { Engine, EngineHooks, EngineReport, Phase } from './engine.js';
import { addressOf } from './native/address-of.js';
import { monotonicZeroUnixUs, sharedClock } from './native/clock.js';
import { GeneratorProcess } from './native/generator-process.js';
import { mergeReports, Series } from './native/merge.js';
import type { IntervalReport, PlayCommand, Ready, Role, SetupCommand } from './native/messages.js';
import { needsExplicitSources } from './native/source-address.js';

export interface NativeOptions {
  /** Cores for the generator; empty: the kernel decides. */
  readonly cores: readonly number[];
  /** Additional headers of each upgrade request. */
  readonly headers: Readonly<Record<string, string>>;
  /** Local addresses to connect from; empty: chosen automatically. */
  readonly localAddresses: readonly string[];
  /** Accept any TLS certificate. */
  readonly isInsecureAllowed: boolean;
}

export const NATIVE_DEFAULTS: NativeOptions = { cores: [], headers: {}, localAddresses: [], isInsecureAllowed: false };

/** Time between the `play` command and the first message, so that every process has received the command by then. */
const LEAD_US = 150_000;
/** Fewer subscribers do not justify another process, which takes 40 MB and 50 ms to start. */
const SUBSCRIBERS_PER_PROCESS = 100;
/** Maximum number of points in a result's series, not counting the connection ramp. */
const MAX_POINTS = 600;

export function nativeEngine(options: NativeOptions = NATIVE_DEFAULTS): Engine {
  return {
    name: 'native',
    async play(plan, target, hooks) {
      const run = new NativeRun(plan, target, hooks, options);
      try {
        return await run.play();
      } finally {
        await run.end();
      }
    },
  };
}

class NativeRun {
  private readonly processes: GeneratorProcess[] = [];
  private readonly zeroUnixUs = monotonicZeroUnixUs();
  private readonly clock = sharedClock(this.zeroUnixUs);
  private readonly series: Series;
  private readonly intervalMs: number;
  private phase: Phase = 'connect';
  private phaseStartedMs = 0;
  private phaseLengthMs = 0;
  private delivered = 0;
  private readonly latest = new Map<GeneratorProcess, IntervalReport>();

  constructor(
    private readonly plan: Plan,
    private readonly target: Target,
    private readonly hooks: EngineHooks,
    private readonly options: NativeOptions,
  ) {
    requirePlayable(plan, target);
    this.intervalMs = Math.max(500, Math.ceil((plan.durationS * 1000) / MAX_POINTS / 100) * 100);
    this.series = new Series(this.intervalMs);
  }

  async play(): Promise<EngineReport> {
    const { plan, hooks } = this;
    let onAbort = (): void => {};
    hooks.signal.throwIfAborted();
    const aborted = new Promise<never>((_, reject) => {
      onAbort = () => reject(hooks.signal.reason);
      hooks.signal.addEventListener('abort', onAbort, { once: true });
    });
    aborted.catch(() => {});
    return Promise.race([aborted, this.playThrough(plan)]).finally(() =>
      hooks.signal.removeEventListener('abort', onAbort),
    );
  }

  async end(): Promise<void> {
    await Promise.all(this.processes.map((process) => process.end()));
  }

  private async playThrough(plan: Plan): Promise<EngineReport> {
    await this.connect();
    const startUs = this.clock() + LEAD_US;
    const measureStartUs = startUs + Math.round(plan.warmupS * 1e6);
    const play: PlayCommand = {
      kind: 'play',
      startUs,
      measureStartUs,
      measureEndUs: measureStartUs + Math.round(plan.durationS * 1e6),
    };
    for (const process of this.processes) process.send(play);
    this.enter('warmup', plan.warmupS);
    await this.sleepUntil(play.measureStartUs);
    this.enter('measure', plan.durationS);
    const publishers = this.of('publishers');
    const sentSoon = Promise.all(publishers.map((process) => process.receive('sent')));
    sentSoon.catch(() => {}); // An aborted run never awaits it.
    await this.sleepUntil(play.measureEndUs);
    this.enter('drain', plan.drainS);
    const sent = await sentSoon;
    const totals = new Uint32Array(plan.publishers);
    for (const report of sent)
      report.sent.forEach((count, i) => {
        totals[i] = (totals[i] as number) + count;
      });
    for (const process of this.of('subscribers')) process.send({ kind: 'settle', sent: totals });
    const heard = await Promise.all(this.of('subscribers').map((process) => process.receive('heard')));
    this.enter('done', 0);
    return mergeReports(this.series, sent, heard, play);
  }

  /** Starts the processes and waits until every connection is open or has failed. */
  private async connect(): Promise<void> {
    const { plan, options, target } = this;
    const targets = await Promise.all(target.urls.map((url) => resolveEndpoint(url, options.isInsecureAllowed)));
    const hosts = targets.map(({ endpoint }) => endpoint.host);
    const lanes = { subscribers: subscriberProcesses(plan, options.cores), publishers: publisherProcesses(plan) };
    this.enter('connect', 0);
    const runStartUs = this.clock();
    for (const role of ['subscribers', 'publishers'] as const) {
      for (let lane = 0; lane < lanes[role]; lane++) {
        const setup: SetupCommand = {
          kind: 'setup',
          role,
          plan,
          lane,
          lanes: lanes[role],
          targets,
          dialect: target.dialect,
          headers: options.headers,
          localAddresses: options.localAddresses,
          isSourceExplicit:
            role === 'subscribers' && needsExplicitSources(plan.subscribers + plan.stalledSubscribers, hosts),
          isWatchful: isPriorityRaised(),
          zeroUnixUs: this.zeroUnixUs,
          runStartUs,
          intervalMs: this.intervalMs,
        };
        this.start(role, lane).send(setup);
      }
    }
    const ready = await Promise.all(this.processes.map((process) => process.receive('ready')));
    requireConnections(plan, ready, target);
  }

  private start(role: Role, lane: number): GeneratorProcess {
    const { cores } = this.options;
    // One core each where there are enough. The publisher sleeps most of the time, so it may share one.
    const own = cores.length === 0 ? [] : [cores[lane % cores.length] as number];
    const process: GeneratorProcess = new GeneratorProcess(role, own, (interval) => {
      this.series.add(process, interval);
      this.delivered += interval.deliveries;
      this.latest.set(process, interval);
      this.tell();
    });
    this.processes.push(process);
    return process;
  }

  private of(role: Role): GeneratorProcess[] {
    return this.processes.filter((process) => process.role === role);
  }

  private enter(phase: Phase, lengthS: number): void {
    this.phase = phase;
    this.phaseStartedMs = performance.now();
    this.phaseLengthMs = lengthS * 1000;
    this.hooks.phase(phase);
    this.tell();
  }

  private tell(): void {
    const { plan } = this;
    const opened = this.series.opened;
    const fraction =
      this.phase === 'connect'
        ? opened / Math.max(1, plan.subscribers + plan.stalledSubscribers)
        : (performance.now() - this.phaseStartedMs) / Math.max(1, this.phaseLengthMs);
    const latest = [...this.latest.values()];
    const { latencyUs } = this.series;
    this.hooks.progress({
      phase: this.phase,
      fraction: Math.min(1, fraction),
      opened,
      delivered: this.delivered,
      p50: percentileMs(latencyUs, 50),
      p99: percentileMs(latencyUs, 99),
      missing: latest.reduce((sum, { missing }) => sum + missing, 0),
      generatorCpu: Math.max(0, ...latest.map(({ cpu }) => cpu)),
    });
  }

  private async sleepUntil(us: number): Promise<void> {
    await sleep(Math.max(0, (us - this.clock()) / 1000), undefined, { signal: this.hooks.signal });
  }
}

/** Refuses plans that the engine cannot play.
 *  @throws FanwireError FANWIRE_USAGE_BENCH_PLAN, FANWIRE_BENCH_FILE_LIMIT */
function requirePlayable(plan: Plan, target: Target): void {
  const refuse = (message: string) => {
    throw new FanwireError('FANWIRE_USAGE_BENCH_PLAN', message);
  };
  if (plan.publishers > MAX_PUBLISHERS)
    refuse(`--publishers must be at most ${MAX_PUBLISHERS}, got ${plan.publishers}`);
  if (plan.publishers > 0 && (plan.rate * plan.durationS) / plan.publishers > MAX_SEQUENCE) {
    refuse(
      `--rate ${plan.rate} for ${plan.durationS} s is more than ${MAX_SEQUENCE} messages a publisher: use more --publishers`,
    );
  }
  if (target.dialect === 'socket.io' && plan.topics > 1) {
    refuse(`--topics must be 1 for a Socket.IO target (it has one room), got ${plan.topics}`);
  }
  const generators = plan.generators === 0 ? Number.POSITIVE_INFINITY : plan.generators;
  requireSockets('the generator', plan.subscribers + plan.stalledSubscribers, generators, 'or raise --generators');
}

/** @throws FanwireError FANWIRE_BENCH_NO_CONNECTION when no subscriber or no publisher connected */
function requireConnections(plan: Plan, ready: readonly Ready[], target: Target): void {
  for (const [role, wanted] of [
    ['subscribers', plan.subscribers + plan.stalledSubscribers],
    ['publishers', plan.publishers],
  ] as const) {
    const own = ready.filter((message) => message.role === role);
    if (wanted === 0 || own.some(({ opened }) => opened > 0)) continue;
    const why = own.find(({ failure }) => failure !== undefined)?.failure ?? 'no handshake completed';
    const mend = MENDS.find(([says]) => says.test(why))?.[1];
    throw new FanwireError(
      'FANWIRE_BENCH_NO_CONNECTION',
      `none of ${wanted} ${role} could connect to ${target.urls.map(shownUrl).join(', ')}: ${why}${mend === undefined ? '' : ` (${mend})`}`,
    );
  }
}

const MENDS: readonly (readonly [says: RegExp, mend: string])[] = [
  [/CERT|SELF_SIGNED/, 'name its CA in NODE_EXTRA_CA_CERTS, or use --insecure'],
  [/^HTTP 40[13]/, 'give what it asks for: --header "Authorization: …", or a query in its URL'],
  [/^HTTP 3\d\d/, 'redirects are not followed: name the place itself'],
  [/^HTTP 4(00|04|26)/, 'no WebSocket is there: has it a --path?'],
  [/^HTTP 429/, 'it limits connections of one address: raise that limit for the test'],
];

/** The plan's number if it sets one. Else one per core, at most one per `SUBSCRIBERS_PER_PROCESS` connections,
 *  and more where the limit on open files requires it. */
function subscriberProcesses(plan: Plan, cores: readonly number[]): number {
  const connections = Math.max(1, plan.subscribers + plan.stalledSubscribers);
  if (plan.generators > 0) return Math.min(plan.generators, connections);
  const byCores = cores.length > 0 ? cores.length : Math.max(1, usableCores() - 1);
  const useful = Math.min(byCores, Math.ceil(connections / SUBSCRIBERS_PER_PROCESS));
  return Math.max(useful, Math.ceil(connections / socketsPerProcess()));
}

function publisherProcesses(plan: Plan): number {
  return Math.ceil(plan.publishers / socketsPerProcess());
}

async function resolveEndpoint(url: string, isInsecureAllowed: boolean): Promise<SetupCommand['targets'][number]> {
  const { hostname, port, protocol } = new URL(url);
  const name = hostname.replace(/^\[|\]$/g, '');
  const isTls = protocol === 'wss:';
  const numbered = port === '' ? (isTls ? 443 : 80) : Number(port);
  const host = await addressOf(name, numbered).catch((error: NodeJS.ErrnoException) => {
    throw new FanwireError('FANWIRE_BENCH_UNREACHABLE', `cannot resolve ${name} of ${url}: ${error.code}`);
  });
  return {
    url,
    endpoint: {
      host,
      port: numbered,
      servername: isTls ? name : undefined,
      isInsecureAllowed,
    },
  };
}
