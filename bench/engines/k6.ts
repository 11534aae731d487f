// The k6 engine: plays a plan with a real k6, and reports what its VUs saw and whether k6 itself distorted it.

import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { usableCores } from '../../src/base/cpu-quota.js';
import { FanwireError } from '../../src/base/error.js';
import type { TimelineLine } from '../k6/lib/lines.js';
import { percentileMs } from '../measure/histogram.js';
import { pinnedCommand } from '../measure/pinning.js';
import type { Plan } from '../scenarios/scenario.js';
import { temporaryFolder } from '../system/temporary-folder.js';
import type { Target } from '../targets/target.js';
import type { Engine, EngineHooks, EngineReport, Phase } from './engine.js';
import { Account } from './k6/account.js';
import { type ArgumentOptions, k6Invocation } from './k6/arguments.js';
import { findK6, type K6, requireK6 } from './k6/binary.js';
import { K6Busyness } from './k6/busyness.js';
import { K6Process } from './k6/process.js';
import { crossedThresholds } from './k6/thresholds.js';
import { delays, doubts, faults, intakeMs, intakeRemark } from './k6/validity.js';

/** Interval between two readings of k6's CPU use. */
const CPU_EVERY_MS = 1000;

export interface K6Options extends Omit<ArgumentOptions, 'summaryFile' | 'configFile'> {
  /** Cores for k6; empty: all that this process may use. */
  readonly cores: readonly number[];
}

export const K6_DEFAULTS: K6Options = { cores: [], slo: '', headers: {}, localAddresses: [], isInsecureAllowed: false };

/** @throws FanwireError FANWIRE_USAGE_K6_MISSING, FANWIRE_TEMPORARY_FOLDER */
export function k6Engine(options: K6Options = K6_DEFAULTS): Engine {
  requireK6();
  return {
    name: 'k6',
    async play(plan, target, hooks) {
      const k6 = await findK6();
      const folder = temporaryFolder('fanwire-k6-');
      try {
        return await new K6Run(k6, plan, hooks, options).play(target, folder);
      } finally {
        await rm(folder, { recursive: true, force: true });
      }
    },
  };
}

class K6Run {
  private readonly account = new Account();
  private readonly timers: NodeJS.Timeout[] = [];
  private busyness: K6Busyness | undefined;
  private phase: Phase = 'connect';
  private cpu: { readonly atMs: number; readonly share: number } | undefined;

  constructor(
    private readonly k6: K6,
    private readonly plan: Plan,
    private readonly hooks: EngineHooks,
    private readonly options: K6Options,
  ) {}

  async play(target: Target, folder: string): Promise<EngineReport> {
    const { cores } = this.options;
    const files = { summaryFile: join(folder, 'summary.json'), configFile: join(folder, 'config.json') };
    await writeFile(files.configFile, '{}');
    const { args, env } = k6Invocation(this.plan, target, { ...this.options, ...files });
    this.hooks.signal.throwIfAborted();
    const running = new K6Process(pinnedCommand([this.k6.path, ...args], cores), env, (line) => {
      this.account.add(line);
      if (line.kind === 'timeline') this.follow(line);
      if (line.kind === 'progress') this.tell();
      if (line.kind === 'subscribers') this.busyness?.finished();
    });
    const end = () => void running.end();
    this.hooks.signal.addEventListener('abort', end);
    try {
      if (running.pid !== undefined) this.busyness = new K6Busyness(running.pid, this.cores);
      await running.finished();
      this.enter('done');
      return this.report(await crossedThresholds(files.summaryFile));
    } finally {
      this.hooks.signal.removeEventListener('abort', end);
      for (const timer of this.timers) clearTimeout(timer);
      this.busyness?.stop();
      await running.end();
      this.hooks.signal.throwIfAborted();
    }
  }

  private get cores(): number {
    return this.options.cores.length || usableCores();
  }

  /** k6 fixes the times of its phases in setup(); the hooks are called when each time comes. */
  private follow(timeline: TimelineLine): void {
    const at = (instant: number, act: () => void) => {
      this.timers.push(setTimeout(act, Math.max(0, instant - Date.now())));
    };
    at(timeline.connectAt, () => this.enter('connect'));
    at(timeline.warmupAt, () => this.enter('warmup'));
    at(timeline.measureAt, () => {
      this.busyness?.begin();
      this.enter('measure');
    });
    at(timeline.drainAt, () => {
      this.busyness?.end();
      this.enter('drain');
    });
  }

  private enter(phase: Phase): void {
    this.phase = phase;
    this.hooks.phase(phase);
    this.tell();
  }

  private tell(): void {
    const { timeline } = this.account;
    if (timeline === undefined) return;
    const { connectAt, warmupAt, measureAt, drainAt, endAt } = timeline;
    const spans: Partial<Record<Phase, readonly [number, number]>> = {
      connect: [connectAt, warmupAt],
      warmup: [warmupAt, measureAt],
      measure: [measureAt, drainAt],
      drain: [drainAt, endAt],
    };
    const [from, to] = spans[this.phase] ?? [0, 0];
    const fraction = Math.min(1, Math.max(0, (Date.now() - from) / Math.max(1, to - from)));
    const generatorCpu = this.shareNow();
    this.hooks.progress({
      phase: this.phase,
      fraction,
      ...this.account.soFar,
      ...(generatorCpu !== undefined && { generatorCpu }),
    });
  }

  /** Share of its cores that k6 used in about the last second. Cached, because a reading costs one file per thread. */
  private shareNow(): number | undefined {
    const atMs = performance.now();
    if (this.cpu === undefined || atMs - this.cpu.atMs >= CPU_EVERY_MS) {
      const share = this.busyness?.sinceLast();
      this.cpu = { atMs, share: share ?? this.cpu?.share ?? 0 };
    }
    return this.cpu.share;
  }

  private report(crossed: readonly string[]): EngineReport {
    const account = this.account;
    const { timeline } = account;
    if (timeline === undefined) {
      throw new FanwireError('FANWIRE_K6_FAILED', 'k6 ended before it began: its script printed no timeline');
    }
    const failures = [...account.failures].sort(([, a], [, b]) => b - a).map(([reason, count]) => ({ reason, count }));
    // A VU that never reported may still have told how many connections it opened.
    const opened = Math.max(account.opened, account.soFar.opened);
    if (opened === 0) {
      throw new FanwireError(
        'FANWIRE_BENCH_NO_CONNECTION',
        `k6 could open no connection: ${failures[0]?.reason ?? 'no reason given'}`,
      );
    }
    const cpuS = this.busyness?.cpuS ?? 0;
    const intake = intakeMs(account, this.plan, cpuS, this.cores);
    return {
      connections: {
        requested: opened + account.failed,
        opened,
        failed: account.failed,
        connectUs: account.connectUs,
        failures,
      },
      published: account.published,
      expected: account.delivered + account.lost,
      delivered: account.delivered,
      lost: account.lost,
      duplicated: account.duplicated,
      outOfOrder: account.outOfOrder,
      measuredS: (Math.max(timeline.drainAt, account.lastAt) - timeline.measureAt) / 1000,
      latencyUs: account.latencyUs,
      series: account.series(),
      generator: {
        cpu: this.busyness?.share ?? 0,
        scheduleSlipMs: { p99: percentileMs(account.slipUs, 99), max: percentileMs(account.slipUs, 100) },
        eventLoopDelayMs: { p99: percentileMs(account.lagUs, 99) },
        // Half of the copies of a message are read within half of the time that all of them take.
        ...(account.delivered > 0 && { intakeMs: { p50: round(intake / 2), p99: round(intake * 0.99) } }),
      },
      invalidReasons: doubts(account),
      delayReasons: delays(account, intake),
      serverFaults: faults(account),
      remarks: intakeRemark(account, intake),
      extra: {
        k6Version: this.k6.version,
        k6Vus: timeline.subscribers + timeline.visitors + timeline.publishers,
        k6CpuSeconds: round(cpuS),
        k6IntakeMs: round(intake),
        k6ThresholdsCrossed: crossed.join(', '),
        generatorWaitedForCore: round(this.busyness?.waitedShare ?? 0),
        ...(account.closedByServer > 0 ? { closedByServer: account.closedByServer } : {}),
        ...(account.foreign > 0 ? { foreignFrames: account.foreign } : {}),
      },
    };
  }
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
