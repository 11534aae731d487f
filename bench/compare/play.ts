// One run of one side: a fresh server, an open loop for latency, then a closed loop on the same server for capacity and
// cost.

import { setTimeout as sleep } from 'node:timers/promises';
import { FanwireError } from '../../src/base/error.js';
import type { Engine } from '../engines/engine.js';
import { ByteSockets } from '../load/byte-sockets.js';
import { closedLoop } from '../load/closed-loop.js';
import { countEvents, INSTRUCTIONS, KERNEL_INSTRUCTIONS } from '../measure/event-counter.js';
import type { CoreSplit } from '../measure/pinning.js';
import type { Result } from '../result/result.js';
import { runPlan } from '../run/run.js';
import type { Plan } from '../scenarios/scenario.js';
import { type Dialect, type Target, topicUrl } from '../targets/target.js';
import type { MeasuredCapacity, Run } from './metrics.js';
import { whyInvalid } from './patience.js';
import type { Side } from './side.js';

export interface PlayOptions {
  readonly plan: Plan;
  readonly engine: Engine;
  readonly cores: CoreSplit;
  /** ms of closed loop after each open-loop run; 0: none. */
  readonly capacityMs: number;
  /** Whether `perf` counts the server's instructions in it. */
  readonly countsInstructions: boolean;
  /** How the generator speaks; the target's own dialect unless given. */
  readonly dialect?: Dialect;
  readonly signal: AbortSignal;
}

/** The server of a run ended, or closed or took none of its clients. */
export interface ServerFault {
  readonly fault: string;
  readonly isDeath: boolean;
}

/** Payload and window of the closed loop: small messages, enough in flight that the server never waits. */
const CAPACITY_PAYLOAD = 64;
const CAPACITY_WINDOW = 16;
/** What is run and not counted before it: the just-in-time compiler's share. */
const CAPACITY_WARMUP = 0.5;

/** One run of one side on a server of its own: what a process happened to be given (memory layout, inlining) is then
 *  part of the spread instead of a difference. */
export async function playSide(side: Side, options: PlayOptions): Promise<Run | ServerFault> {
  const { plan, engine, signal } = options;
  const started = await side.start(options.cores.server, plan.subscribers + plan.publishers);
  const target = options.dialect === undefined ? started : { ...started, dialect: options.dialect };
  try {
    const result = await runPlan(engine, plan, target, { signal, progress: () => {} });
    const fault = faultOf(result, target);
    if (fault !== undefined) return fault;
    const capacity =
      options.capacityMs > 0 && whyInvalid({ result, capacity: null }) === undefined
        ? await measureCapacity(options, target)
        : null;
    return { result, capacity };
  } catch (error) {
    const fault = signal.aborted ? undefined : faultBehind(error, target);
    if (fault === undefined) throw error;
    return fault;
  } finally {
    await target.stop();
    // A stopped server's sockets take a moment to leave the kernel, at the next one's expense.
    await sleep(50);
  }
}

/** A run whose generator was at its end as well blames nobody, unless the process is gone. */
function faultOf(result: Result, target: Target): ServerFault | undefined {
  const death = target.ending?.();
  if (death !== undefined) return { fault: death, isDeath: true };
  const [fault] = result.serverFaults ?? [];
  return fault === undefined || result.invalidReasons.length > 0 ? undefined : { fault, isDeath: false };
}

/** A server that listened and then took nobody, or went away under the closed loop: its doing. Of a URL nothing is
 *  known but that it does not answer. */
function faultBehind(error: unknown, target: Target): ServerFault | undefined {
  const death = target.ending?.();
  if (death !== undefined) return { fault: death, isDeath: true };
  const isRefusal = error instanceof FanwireError && error.code === 'FANWIRE_BENCH_NO_CONNECTION';
  return isRefusal && target.pids.length > 0 ? { fault: error.message, isDeath: false } : undefined;
}

async function measureCapacity(options: PlayOptions, target: Target): Promise<MeasuredCapacity | null> {
  const { plan, capacityMs } = options;
  const [url] = target.urls;
  if (url === undefined || target.dialect !== 'raw' || !url.startsWith('ws://')) return null;
  const sockets = new ByteSockets();
  try {
    await sockets.open(topicUrl(url, 'capacity'), plan.subscribers + 1);
    const loop = { fanOut: plan.subscribers, payloadBytes: CAPACITY_PAYLOAD, window: CAPACITY_WINDOW };
    await closedLoop(sockets, target.pids, { ...loop, durationMs: capacityMs * CAPACITY_WARMUP });
    const measure = () => closedLoop(sockets, target.pids, { ...loop, durationMs: capacityMs });
    if (!options.countsInstructions) return { ...(await measure()), instructionsPerDelivery: null };
    const { outcome, counts } = await countEvents([INSTRUCTIONS, KERNEL_INSTRUCTIONS], target.pids, measure);
    const [user, kernel] = counts.map((count) => (count === null ? null : count / outcome.deliveries));
    return { ...outcome, instructionsPerDelivery: user ?? null, kernelInstructionsPerDelivery: kernel ?? null };
  } finally {
    sockets.close();
  }
}
