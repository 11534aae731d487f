// An engine plays a plan against a target and reports what it saw. It does not judge or print anything.

import type { Histogram } from 'hdr-histogram-js';
import type { Plan } from '../scenarios/scenario.js';
import type { Target } from '../targets/target.js';

export interface Engine {
  readonly name: 'native' | 'k6' | 'autocannon';
  /** Plays `plan` against `target`.
   *  @throws FanwireError when it cannot play the plan: a missing k6, too few file descriptors, no connection. */
  play(plan: Plan, target: Target, hooks: EngineHooks): Promise<EngineReport>;
}

export interface EngineHooks {
  /** Called a few times per second. Must not throw. */
  progress(now: Progress): void;
  /** Called as each phase begins, so that the server's CPU and memory are read at the same moments. */
  phase(phase: Phase): void;
  /** Aborted on SIGINT: close everything and reject. */
  readonly signal: AbortSignal;
}

/** `connect` → `warmup` → `measure` → `drain` → `done`, each at most once, in this order. */
export type Phase = 'connect' | 'warmup' | 'measure' | 'drain' | 'done';

export interface Progress {
  readonly phase: Phase;
  /** 0 to 1 within the phase. */
  readonly fraction: number;
  readonly opened: number;
  readonly delivered: number;
  /** Of the measured deliveries so far, ms; absent while the engine does not know it. */
  readonly p50?: number | null;
  readonly p99?: number | null;
  /** Messages that subscribers skipped and have not received since. */
  readonly missing?: number;
  /** Cores that the busiest generator process uses or waits for; 1 = saturated. */
  readonly generatorCpu?: number;
}

export interface EngineReport {
  readonly connections: {
    readonly requested: number;
    readonly opened: number;
    readonly failed: number;
    /** Unit: µs, from bench/measure/histogram.ts. */
    readonly connectUs: Histogram;
    /** Why connections failed, most frequent first, such as "ECONNREFUSED" or "HTTP 503". */
    readonly failures: readonly { readonly reason: string; readonly count: number }[];
  };
  /** Counts of the measured phase; none includes the warm-up. */
  readonly published: number;
  readonly expected: number;
  readonly delivered: number;
  readonly lost: number;
  readonly duplicated: number;
  readonly outOfOrder: number;
  /** Messages that came back to their own publisher; absent where they are not counted. */
  readonly echoed?: number;
  /** Length of the measured phase, s. */
  readonly measuredS: number;
  /** Unit: µs, counted from the due time; measured phase only. */
  readonly latencyUs: Histogram;
  readonly series: readonly EngineSeriesPoint[];
  readonly generator: {
    /** Cores the busiest generator process or thread used or waited for: 1 = saturated. */
    readonly cpu: number;
    readonly scheduleSlipMs: { readonly p99: number | null; readonly max: number | null };
    readonly eventLoopDelayMs: { readonly p99: number | null };
    /** How much latency the engine adds while it reads all copies of one message, for the median copy and the last
     *  ones. Absent where it is too small to report. */
    readonly intakeMs?: { readonly p50: number; readonly p99: number };
  };
  /** Only for messages with keys. `ageUs`: how old a subscriber's newest state of a key was when the next one arrived.
   *  `conflated`: updates that a newer one replaced; no other count includes them. */
  readonly staleness?: { readonly ageUs: Histogram; readonly conflated: number };
  /** Reasons why the figures are not the server's that only the engine can know, such as "some VUs did not finish". */
  readonly invalidReasons: readonly string[];
  /** Reasons why the latencies are too high to be the server's. Objectives that hold all the same count as held,
   *  because only the latencies are affected. */
  readonly delayReasons: readonly string[];
  /** What the server did wrong, however busy the generator was; failed connections are reported elsewhere. */
  readonly serverFaults: readonly string[];
  /** What a reader should know even though the run is valid. */
  readonly remarks: readonly string[];
  /** Additional figures for `params`, such as `subscribersClosedByServer`. */
  readonly extra: Readonly<Record<string, number | string>>;
}

export interface EngineSeriesPoint {
  /** End of the interval, ms since `hooks.phase('connect')`. */
  readonly t: number;
  readonly deliveries: number;
  readonly p50: number | null;
  readonly p99: number | null;
  readonly connections?: number;
}
