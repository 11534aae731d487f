// Plays scenarios against many servers in interleaved rounds, each run on a freshly started server, within a time
// limit.

import type { Engine } from '../engines/engine.js';
import { playPlan } from '../run/run.js';
import type { Plan } from '../scenarios/scenario.js';
import type { Target } from '../targets/target.js';
import type { ServerRun } from './standings.js';

/** A server that takes part. */
export interface Contestant {
  readonly name: string;
  /** Whether it can play plans with several topics. */
  readonly topics: boolean;
  /** What reports call it, where the server and its version do not tell it from another. */
  readonly label?: string;
  start(plan: Plan): Promise<Target>;
  /** The plan as this server plays it: one that knows no windows leaves them out. */
  adapt(plan: Plan): Plan;
}

export interface RoundsOptions {
  readonly contestants: readonly Contestant[];
  readonly plans: readonly Plan[];
  readonly engine: Engine;
  readonly rounds: number;
  /** No round begins that would likely end after this (as of performance.now()); the first always does. */
  readonly deadlineMs: number;
  readonly signal: AbortSignal;
  /** Called after each run. */
  readonly onRun: (run: ServerRun) => void;
}

/** All runs of all whole rounds. A server that cannot start or play is a run without a result; the others go on.
 *  @throws the signal's reason when it is aborted */
export async function playRounds(options: RoundsOptions): Promise<ServerRun[]> {
  const { rounds, deadlineMs, signal } = options;
  const runs: ServerRun[] = [];
  let longestRoundMs = 0;
  for (let round = 1; round <= rounds; round++) {
    const startedMs = performance.now();
    if (round > 1 && startedMs + longestRoundMs > deadlineMs) break;
    for (const { contestant, plan } of orderOf(round, options)) {
      signal.throwIfAborted();
      const run = await playOne(contestant, plan, round, options);
      runs.push(run);
      options.onRun(run);
    }
    longestRoundMs = Math.max(longestRoundMs, performance.now() - startedMs);
  }
  return runs;
}

/** Every other round in reverse, so that a machine that slows down steadily favours nobody. */
function orderOf(round: number, { contestants, plans }: RoundsOptions): { contestant: Contestant; plan: Plan }[] {
  const order = plans.flatMap((plan) =>
    contestants
      .filter((contestant) => contestant.topics || plan.topics === 1)
      .map((contestant) => ({ contestant, plan: contestant.adapt(plan) })),
  );
  return round % 2 === 1 ? order : order.reverse();
}

async function playOne(contestant: Contestant, plan: Plan, round: number, options: RoundsOptions): Promise<ServerRun> {
  const { engine, signal } = options;
  const run = { server: contestant.name, scenario: plan.scenario, round };
  let target: Target | undefined;
  try {
    target = await contestant.start(plan);
    // A signal of the run's own, so that listeners do not pile up on the one of all runs.
    const result = await playPlan(engine, plan, target, { progress: () => {}, signal: AbortSignal.any([signal]) });
    const { label } = contestant;
    const params = { ...result.params, round, ...(label !== undefined && { label }) };
    return { ...run, result: { ...result, params } };
  } catch (error) {
    signal.throwIfAborted();
    return { ...run, result: undefined, failure: error instanceof Error ? error.message : String(error) };
  } finally {
    await target?.stop();
  }
}
