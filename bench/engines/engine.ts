// What an engine is: it plays a plan against a target and reports what it saw. It judges nothing and prints nothing.

import type { Histogram } from 'hdr-histogram-js';
import type { Plan } from '../scenarios/scenario.js';
import type { Target } from '../targets/target.js';

export interface Engine {
  readonly name: 'native' | 'k6' | 'autocannon';
  /** Plays `plan` against `target`.
   *  @throws FanwireError when the plan cannot be played at all: a missing k6, too few file descriptors, no
   *  connection. */
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
  /** Of the measured deliveries so far, ms; absent where the engine does not know yet. */
  readonly p50?: number | null;
  readonly p99?: number | null;
  /** Messages that subscribers skipped over and have not had since. */
  readonly missing?: number;
  /** Cores that the busiest generator process uses or waits for. */
  readonly generatorCpu?: number;
}

export interface EngineReport {
  readonly connections: {
    readonly requested: number;
    readonly opened: number;
    readonly failed: number;
    /** Unit: µs, from bench/measure/histogram.ts. */
    readonly connectUs: Histogram;
    /** Why connections failed, most frequent first: "ECONNREFUSED", "HTTP 503". */
    readonly failures: readonly { readonly reason: string; readonly count: number }[];
  };
  /** Counts of the measured phase; the warm-up is in none of them. */
  readonly published: number;
  readonly expected: number;
  readonly delivered: number;
  readonly lost: number;
  readonly duplicated: number;
  readonly outOfOrder: number;
  /** Length of the measured phase, s. */
  readonly measuredS: number;
  /** Unit: µs, from the due time, measured phase only. */
  readonly latencyUs: Histogram;
  readonly series: readonly EngineSeriesPoint[];
  readonly generator: {
    /** Cores the busiest generator process or thread used or waited for: 1 = saturated. */
    readonly cpu: number;
    readonly scheduleSlipMs: { readonly p99: number | null; readonly max: number | null };
    readonly eventLoopDelayMs: { readonly p99: number | null };
    /** What reading all copies of one message adds to the median copy and to the last ones, where that is worth a
     *  figure. */
    readonly intakeMs?: { readonly p50: number; readonly p99: number };
  };
  /** Where messages are about keys: how old (µs) the newest state was that a subscriber had of a key when the next one
   *  arrived, and the updates that a newer one took the place of, which are in no other count. */
  readonly staleness?: { readonly ageUs: Histogram; readonly conflated: number };
  /** Reasons only the engine can know why its figures are not the server's ("some VUs did not finish"). */
  readonly invalidReasons: readonly string[];
  /** Reasons why latencies are higher than the server's, and nothing else is wrong: what holds all the same, holds. */
  readonly delayReasons: readonly string[];
  /** What the server did wrong whatever the generator did, beside failed connections: it closed some. */
  readonly serverFaults: readonly string[];
  /** What a reader of a valid run should know. */
  readonly remarks: readonly string[];
  /** Further figures for `params`, such as `subscribersClosedByServer`. */
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
