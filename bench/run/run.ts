// One run: an engine plays a plan once against a target while the server is watched. It comes to a `fanwire.result/1`.

import { cpus, release } from 'node:os';
import type { Histogram } from 'hdr-histogram-js';
import type { Engine, EngineHooks, EngineReport, Phase, Progress } from '../engines/engine.js';
import { areBoundedByDelay } from '../k6/lib/slo.js';
import { percentileMs, summarizeLatency } from '../measure/histogram.js';
import { type LoadSample, ServerLoad } from '../measure/server-load.js';
import { StarvationWatch } from '../measure/starvation.js';
import { RESULT_SCHEMA, type Result } from '../result/result.js';
import { silence } from '../result/silence.js';
import { isMissedForCertain, missedTerms, type SloTerm } from '../result/slo.js';
import { type Doubts, doubtsAbout, publishesFor } from '../result/validity.js';
import type { Plan } from '../scenarios/scenario.js';
import type { Target } from '../targets/target.js';
import { askedPercentile } from './statable.js';

const SERVER_SAMPLE_MS = 250;

export interface RunHooks {
  progress(now: Progress): void;
  readonly signal: AbortSignal;
  /** What the run is asked; a run that holds it although the generator was late is valid, with a remark. */
  readonly objective?: readonly SloTerm[];
}

/** Plays `plan` once and judges it.
 *  @throws FanwireError what the engine throws */
export async function playPlan(engine: Engine, plan: Plan, target: Target, hooks: RunHooks): Promise<Result> {
  const startedAt = new Date().toISOString();
  const watch = new ServerWatch(target.pids);
  try {
    const engineHooks: EngineHooks = { ...hooks, phase: (phase) => watch.enter(phase) };
    const report = await engine.play(plan, target, engineHooks);
    const result = assemble(engine, plan, target, report, watch, startedAt);
    const objective = hooks.objective ?? [];
    return judged(result, doubtsOf(plan, report, watch, objective), objective);
  } finally {
    watch.stop();
  }
}

/** The server's load at the moments that matter. */
class ServerWatch {
  private load: ServerLoad | undefined;
  private readonly samples = new Map<Phase, LoadSample>();
  private readonly began = new Map<Phase, number>();
  private starvationWatch: StarvationWatch | undefined;
  private starved: string | undefined;
  private ended: number | undefined;

  constructor(private readonly pids: readonly number[]) {}

  enter(phase: Phase): void {
    this.began.set(phase, performance.now());
    // From the ramp on, so that its clock is the series' clock.
    this.load ??= new ServerLoad(this.pids, SERVER_SAMPLE_MS);
    const sample = this.load.read();
    if (sample !== undefined) this.samples.set(phase, sample);
    this.ended ??= this.pids.find(isGone);
    if (phase === 'measure') this.starvationWatch = new StarvationWatch(this.pids);
    if (phase === 'drain') this.starved = this.starvationWatch?.reason();
  }

  /** When phases began, where all of them did. */
  get phases(): Pick<Result, 'phases'> {
    const [connect, warmup, measure, drain] = (['connect', 'warmup', 'measure', 'drain'] as const).map((phase) =>
      this.began.get(phase),
    );
    if (connect === undefined || warmup === undefined || measure === undefined || drain === undefined) return {};
    const since = (at: number) => Math.round(at - connect);
    return { phases: { warmup: since(warmup), measure: since(measure), drain: since(drain) } };
  }

  /** Why the server was slower than it could be: something else took its cores. */
  get starvation(): string[] {
    return this.starved === undefined ? [] : [this.starved];
  }

  get faults(): string[] {
    if (this.ended === undefined) return [];
    return [`the server process ended during the run${this.pids.length > 1 ? ` (pid ${this.ended})` : ''}`];
  }

  stop(): void {
    this.load?.stop();
  }

  at(t: number, lengthMs: number): { readonly cpu: number; readonly rssBytes: number } | null {
    return this.load?.at(t, lengthMs) ?? null;
  }

  figures(report: EngineReport): Result['server'] {
    const [idle, warm, start, end] = (['connect', 'warmup', 'measure', 'done'] as const).map((at) =>
      this.samples.get(at),
    );
    if (start === undefined || end === undefined) return null;
    const cpuSeconds = Math.max(0, end.cpuS - start.cpuS);
    const opened = report.connections.opened;
    const grown = idle === undefined || warm === undefined ? null : warm.rssBytes - idle.rssBytes;
    return {
      cpuSeconds: round(cpuSeconds),
      cpuPerMillionDeliveries: report.delivered === 0 ? null : round((cpuSeconds * 1e6) / report.delivered),
      rssMax: this.load?.rssMaxBytes ?? 0,
      rssPerConnection: grown === null || grown < 0 || opened === 0 ? null : Math.round(grown / opened),
    };
  }
}

function assemble(
  engine: Engine,
  plan: Plan,
  target: Target,
  report: EngineReport,
  watch: ServerWatch,
  startedAt: string,
): Result {
  const { connections, generator } = report;
  const { phases } = watch.phases;
  const silent = silence(report, plan, engine.name === 'autocannon', phases);
  const faults = [...watch.faults, ...report.serverFaults, ...(silent === undefined ? [] : [silent])];
  return {
    schema: RESULT_SCHEMA,
    scenario: plan.scenario,
    engine: engine.name,
    startedAt,
    target: {
      name: target.name,
      version: target.version,
      cmd: target.cmd,
      ...(target.uws === undefined ? {} : { uws: target.uws }),
    },
    host: describeHost(),
    params: { ...plan, ...report.extra },
    connections: {
      requested: connections.requested,
      opened: connections.opened,
      failed: connections.failed,
      ...(connections.failed > 0 && connections.failures.length > 0 && { failures: [...connections.failures] }),
      connectMs: {
        p50: percentileMs(connections.connectUs, 50),
        p99: percentileMs(connections.connectUs, 99),
        max: percentileMs(connections.connectUs, 100),
      },
    },
    published: report.published,
    expected: report.expected,
    delivered: report.delivered,
    lost: report.lost,
    duplicated: report.duplicated,
    outOfOrder: report.outOfOrder,
    ...(report.echoed !== undefined && { echoed: report.echoed }),
    deliveriesPerSecond: round(report.delivered / report.measuredS),
    latencyMs: stated(report.latencyUs, report.published),
    ...(report.staleness !== undefined && {
      staleness: {
        ...stated(report.staleness.ageUs, report.published),
        conflated: report.staleness.conflated,
      },
    }),
    ...watch.phases,
    series: seriesWithServer(report, watch),
    server: watch.figures(report),
    generator: { ...generator, cpu: round(generator.cpu) },
    valid: true,
    invalidReasons: [],
    ...(faults.length > 0 && { serverFaults: faults }),
    ...(report.remarks.length > 0 && { remarks: [...report.remarks] }),
  };
}

function doubtsOf(plan: Plan, report: EngineReport, watch: ServerWatch, objective: readonly SloTerm[]): Doubts {
  const { delays, others } = doubtsAbout(plan, report, askedPercentile(objective));
  return { delays: [...watch.starvation, ...delays], others };
}

/** Whether the figures may be quoted. What the generator or the machine added can only have made them worse: an
 *  objective that holds in spite of it holds for the server. */
function judged(result: Result, { delays, others }: Doubts, objective: readonly SloTerm[]): Result {
  const reasons = [...delays, ...others];
  if (reasons.length === 0) return result;
  const holds = objective.length > 0 && areBoundedByDelay(objective) && missedTerms(objective, result).length === 0;
  const isMissed = isMissedForCertain(objective, result);
  if (others.length > 0 || !(holds || isMissed)) return { ...result, valid: false, invalidReasons: reasons };
  const what = holds ? 'the objective holds although' : 'the objective is missed, and not because';
  const remarks = delays.map((delay) => `${what} ${delay}: latencies are upper bounds`);
  return { ...result, remarks: [...(result.remarks ?? []), ...remarks] };
}

function isGone(pid: number): boolean {
  try {
    process.kill(pid, 0); // asks, sends nothing
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH';
  }
}

/** Percentiles that the number of published messages cannot carry are null, whatever the number of deliveries. */
function stated(us: Histogram, published: number): Result['latencyMs'] {
  const summary = summarizeLatency(us);
  return {
    ...summary,
    p90: published < publishesFor(90) ? null : summary.p90,
    p99: published < publishesFor(99) ? null : summary.p99,
    p999: published < publishesFor(99.9) ? null : summary.p999,
    p9999: published < publishesFor(99.99) ? null : summary.p9999,
  };
}

function seriesWithServer(report: EngineReport, watch: ServerWatch): Result['series'] {
  let previous = 0;
  return report.series.map((point) => {
    const load = watch.at(point.t, point.t - previous);
    previous = point.t;
    return { ...point, serverCpu: load === null ? null : round(load.cpu), serverRss: load?.rssBytes ?? null };
  });
}

export function describeHost(): Result['host'] {
  const all = cpus();
  return { cpu: all[0]?.model.trim() ?? 'unknown', cores: all.length, node: process.version, kernel: release() };
}

function round(value: number): number {
  return Math.round(value * 1000) / 1000;
}
