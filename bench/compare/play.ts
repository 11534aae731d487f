// Runs of the sides: a fresh server each, an open loop for latency, then a closed loop on the same server for capacity
// and cost. A pair plays its closed loops in turns.

import { setTimeout as sleep } from 'node:timers/promises';
import { FanwireError } from '../../src/base/error.js';
import type { Engine } from '../engines/engine.js';
import type { CoreSplit } from '../measure/pinning.js';
import type { Result } from '../result/result.js';
import { playPlan } from '../run/run.js';
import type { Plan } from '../scenarios/scenario.js';
import type { Target, TargetDialect } from '../targets/target.js';
import { type CapacityOptions, ClosedLoopFault, capacityAlone, capacityInTurns } from './capacity.js';
import type { MeasuredCapacity, Run } from './metrics.js';
import type { Side } from './side.js';
import { excusesServer, type Judged, whyInvalid } from './valid-run.js';

export interface PlayOptions extends Judged {
  readonly plan: Plan;
  readonly engine: Engine;
  /** Further ones of each upgrade, those that the engine sends too. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly cores: CoreSplit;
  /** ms of closed loop after each open-loop run; 0: none. */
  readonly capacityMs: number;
  /** Whether `perf` counts the server's instructions in it. */
  readonly countsInstructions: boolean;
  /** How the generator speaks; the target's own dialect unless given. */
  readonly dialect?: TargetDialect;
  readonly signal: AbortSignal;
}

/** The server of a run ended, or closed or took none of its clients. */
export interface ServerFault {
  readonly fault: string;
  readonly isDeath: boolean;
}

/** Whether two servers of a comparison can run beside each other; found out by trying. */
export class SideBySide {
  isPossible = true;
}

export interface PairOptions extends PlayOptions {
  readonly sideBySide: SideBySide;
  /** Told which of the two is played. */
  readonly playing: (index: number) => void;
  /** Told once where they cannot run beside each other. */
  readonly say: (line: string) => void;
}

/** One run of one side on a server of its own: what a process happened to be given (memory layout, inlining) is then
 *  part of the spread instead of a difference. */
export async function playSide(side: Side, options: PlayOptions): Promise<Run | ServerFault> {
  const begun = await openLoop(side, options);
  if ('fault' in begun) return begun;
  try {
    return await closedLoopOf(begun, options);
  } finally {
    await stop(begun.target);
  }
}

/**
 * Two sides, each on a server of its own: an open loop on one after the other, then both closed loops in turns. The
 * second is not played (undefined) where the first one's run is invalid, and is where its server failed: whether the
 * other holds is what there is to be known.
 */
export async function playSides(
  [first, second]: readonly [Side, Side],
  options: PairOptions,
): Promise<readonly [Run | ServerFault, (Run | ServerFault)?]> {
  options.playing(0);
  if (!options.sideBySide.isPossible) return inTurn(first, second, options);
  const one = await openLoop(first, options);
  if ('fault' in one) {
    options.playing(1);
    return [one, await playSide(second, options)];
  }
  try {
    if (!isUsable(one, options)) return [{ result: one.result, capacity: null }];
    options.playing(1);
    const two = await openBeside(second, one, options);
    if (two === undefined) return await apart(one, second, options);
    if ('fault' in two) return [await closedLoopOf(one, options), two];
    try {
      if (!isUsable(two, options) || loses(one) || loses(two)) {
        return [one, two].map(({ result }) => ({ result, capacity: null })) as [Run, Run];
      }
      return await together(one, two, options);
    } finally {
      await stop(two.target);
    }
  } finally {
    await stop(one.target);
  }
}

/** The other way, for servers that cannot run beside each other: a whole run after a whole run. */
async function inTurn(
  first: Side,
  second: Side,
  options: PairOptions,
): Promise<readonly [Run | ServerFault, (Run | ServerFault)?]> {
  const one = await playSide(first, options);
  if (!('fault' in one) && whyInvalid(one, options) !== undefined) return [one];
  options.playing(1);
  return [one, await playSide(second, options)];
}

/** The second side could not be started: the first one gives way, and if it then starts, that was why. */
async function apart(one: Begun, second: Side, options: PairOptions): Promise<[Run | ServerFault, Run | ServerFault]> {
  const first = await closedLoopOf(one, options);
  await stop(one.target);
  const run = await playSide(second, options);
  options.sideBySide.isPossible = false;
  options.say(
    'both servers cannot run beside each other: closed loops are played one after the other, which sees less',
  );
  return [first, run];
}

async function openBeside(side: Side, one: Begun, options: PairOptions): Promise<Begun | ServerFault | undefined> {
  try {
    return await openLoop(side, options);
  } catch (error) {
    if (options.signal.aborted || one.target.pids.length === 0) throw error;
    return undefined;
  }
}

async function together(one: Begun, two: Begun, options: PlayOptions): Promise<[Run | ServerFault, Run | ServerFault]> {
  const sides = [one, two] as const;
  try {
    const [first = null, second = null] = await capacityInTurns([one.target, two.target], capacityOptions(options));
    return [
      { result: one.result, capacity: first },
      { result: two.result, capacity: second },
    ];
  } catch (error) {
    const faults = options.signal.aborted ? [] : sides.map(({ target }) => faultBehind(error, target));
    if (faults.every((fault) => fault === undefined)) throw error;
    return sides.map(({ result }, i) => faults[i] ?? { result, capacity: null }) as [Run, Run];
  }
}

/** A side whose open loop is over and whose server still runs. */
interface Begun {
  readonly target: Target;
  readonly result: Result;
}

/** Starts a server and plays the open loop. It runs on unless that failed. */
async function openLoop(side: Side, options: PlayOptions): Promise<Begun | ServerFault> {
  const { plan, engine, signal } = options;
  const started = await side.start(options.cores.server, plan.subscribers + plan.publishers);
  const target = options.dialect === undefined ? started : { ...started, dialect: options.dialect };
  let holds = false;
  try {
    const result = await playPlan(engine, plan, target, { signal, progress: () => {} });
    const fault = faultOf(result, target);
    holds = fault === undefined;
    return fault ?? { target, result };
  } catch (error) {
    const fault = signal.aborted ? undefined : faultBehind(error, target);
    if (fault === undefined) throw error;
    return fault;
  } finally {
    if (!holds) await stop(target);
  }
}

async function closedLoopOf(begun: Begun, options: PlayOptions): Promise<Run | ServerFault> {
  try {
    return { result: begun.result, capacity: await measured(begun, options) };
  } catch (error) {
    const fault = options.signal.aborted ? undefined : faultBehind(error, begun.target);
    if (fault === undefined) throw error;
    return fault;
  }
}

async function measured(begun: Begun, options: PlayOptions): Promise<MeasuredCapacity | null> {
  return isUsable(begun, options) && !loses(begun) ? capacityAlone(begun.target, capacityOptions(options)) : null;
}

function isUsable({ result }: Begun, judged: Judged): boolean {
  return whyInvalid({ result }, judged) === undefined;
}

/** A closed loop waits for each message, so that one which is lost would end it. */
function loses({ result }: Begun): boolean {
  return result.lost > 0;
}

function capacityOptions({ plan, capacityMs, countsInstructions, headers }: PlayOptions): CapacityOptions {
  return { subscribers: plan.subscribers, capacityMs, countsInstructions, headers };
}

async function stop(target: Target): Promise<void> {
  await target.stop();
  // A stopped server's sockets take a moment to leave the kernel, at the next one's expense.
  await sleep(50);
}

/** A run whose generator was at its end as well blames nobody, unless the process is gone. Too few messages are what a
 *  server leaves that drops its publishers. */
function faultOf(result: Result, target: Target): ServerFault | undefined {
  const death = target.ending?.();
  if (death !== undefined) return { fault: death, isDeath: true };
  const [fault] = result.serverFaults ?? [];
  return fault === undefined || result.invalidReasons.some(excusesServer) ? undefined : { fault, isDeath: false };
}

/** A server that listened and then took nobody, or went away or stopped delivering under the closed loop: its doing. Of
 *  a URL nothing is known but that it does not answer. */
function faultBehind(error: unknown, target: Target): ServerFault | undefined {
  const death = target.ending?.();
  if (death !== undefined) return { fault: death, isDeath: true };
  const isRefusal = error instanceof FanwireError && error.code === 'FANWIRE_BENCH_NO_CONNECTION';
  // Of two servers in turns it names the one that failed.
  const isIts = error instanceof ClosedLoopFault ? error.target === target : isRefusal;
  return isIts && target.pids.length > 0 ? { fault: (error as FanwireError).message, isDeath: false } : undefined;
}
