// Scenarios of several runs: a sweep over a parameter, and the search for the highest rate that holds an objective.

import type { Result, ResultStep } from '../result/result.js';
import { missedTerms, type SloTerm } from '../result/slo.js';
import { sumUpSequence } from '../result/sum-up.js';
import type { Plan, Search, Sweep } from '../scenarios/scenario.js';

/** Plays one plan; given by whoever knows engine and target. */
export type PlayOnce = (plan: Plan, label: string) => Promise<Result>;

/** Plays `plan` for every value of the sweep. The result sums up all runs; `steps` holds each. */
export async function playSweep(plan: Plan, sweep: Sweep, slo: readonly SloTerm[], play: PlayOnce): Promise<Result> {
  const results: Result[] = [];
  const steps: ResultStep[] = [];
  for (const value of sweep.values) {
    const label = `${value} ${sweep.unit}`;
    const result = await play({ ...plan, [sweep.param]: value }, label);
    results.push(result);
    steps.push(stepOf(result, label, value, slo.length === 0 ? null : missedTerms(slo, result).length === 0));
  }
  return {
    ...sumUpSequence(results),
    params: { ...(results[0] as Result).params, [sweep.param]: [...sweep.values] },
    steps,
  };
}

/** Looks for the highest rate that holds `slo`: doubling until it breaks, then halving the gap. The result is the run
 *  at that rate, or the first run when not even that held; `steps` holds all runs. */
export async function playSearch(plan: Plan, search: Search, slo: readonly SloTerm[], play: PlayOnce): Promise<Result> {
  const steps: ResultStep[] = [];
  let best: Result | undefined;
  let first: Result | undefined;
  let bound: Result | undefined;
  let held = 0;
  let broken = Number.POSITIVE_INFINITY;
  for (let rate = search.minRate; rate > 0; rate = nextRate(held, broken, search)) {
    const label = `${rate} msg/s`;
    let result = await play({ ...plan, rate }, label);
    // Once more: a moment's disturbance must not pass for the limit.
    if (!result.valid) result = await play({ ...plan, rate }, `${label} again`);
    first ??= result;
    const holds = result.valid && result.serverFaults === undefined && missedTerms(slo, result).length === 0;
    steps.push(stepOf(result, label, rate, holds));
    if (holds) {
      held = rate;
      best = result;
    } else {
      // The lowest rate that failed is what bounds the answer, so only its validity counts.
      broken = rate;
      bound = result;
    }
  }
  const answer = best ?? (first as Result);
  const reasons = [...answer.invalidReasons];
  if (best !== undefined && bound?.valid === false) {
    reasons.push(`the limit is ${held} msg/s or more: at ${broken} msg/s ${bound.invalidReasons.join('; ')}`);
  }
  return { ...answer, steps, valid: reasons.length === 0, invalidReasons: reasons };
}

/** The rate to try next; 0 when the answer is near enough. Whole messages per second, two digits that matter. */
function nextRate(held: number, broken: number, { maxRate, precision }: Search): number {
  if (held === 0 || held >= maxRate) return 0;
  if (broken === Number.POSITIVE_INFINITY) return Math.min(maxRate, held * 2);
  if (broken - held <= held * precision) return 0;
  const middle = Number(((held + broken) / 2).toPrecision(2));
  const next = middle > held && middle < broken ? middle : Math.round((held + broken) / 2);
  return next > held && next < broken ? next : 0;
}

function stepOf(result: Result, label: string, value: number, held: boolean | null): ResultStep {
  const { expected, delivered, lost, deliveriesPerSecond, latencyMs, valid } = result;
  const { p50, p99, max } = latencyMs;
  return { label, value, expected, delivered, lost, deliveriesPerSecond, p50, p99, max, held, valid };
}
