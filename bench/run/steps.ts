// Scenarios of several runs: a sweep over a parameter, and the search for the highest rate that holds an objective.

import { FanwireError } from '../../src/base/error.js';
import type { Result, ResultStep } from '../result/result.js';
import { missedTerms, type SloTerm } from '../result/slo.js';
import { sumUpSequence } from '../result/sum-up.js';
import type { Plan, Search, Sweep } from '../scenarios/scenario.js';

/** Plays one plan; given by whoever knows engine and target. */
export type PlayOnce = (plan: Plan, label: string) => Promise<Result>;

/** Plays `plan` for every value of the sweep. The result sums up all runs; `steps` holds each. A server that takes
 *  nobody any more ends the sweep, and is a fault of the whole. */
export async function playSweep(plan: Plan, sweep: Sweep, slo: readonly SloTerm[], play: PlayOnce): Promise<Result> {
  const results: Result[] = [];
  const steps: ResultStep[] = [];
  let refusal: string | undefined;
  for (const value of sweep.values) {
    const label = `${value} ${sweep.unit}`;
    const result = await orRefusal(play({ ...plan, [sweep.param]: value }, label), label, results.length > 0);
    if (typeof result === 'string') {
      refusal = result;
      break;
    }
    results.push(result);
    steps.push(stepOf(result, label, value, slo.length === 0 ? null : missedTerms(slo, result).length === 0));
  }
  return {
    ...withFault(sumUpSequence(results), refusal),
    params: { ...(results[0] as Result).params, [sweep.param]: steps.map(({ value }) => value) },
    steps,
  };
}

/** What was played, or why the server took nobody. @throws the same where nothing was measured before */
async function orRefusal(playing: Promise<Result>, label: string, isLater: boolean): Promise<Result | string> {
  try {
    return await playing;
  } catch (error) {
    if (!isLater || !(error instanceof FanwireError && error.code === 'FANWIRE_BENCH_NO_CONNECTION')) throw error;
    return `at ${label} ${error.message}`;
  }
}

function withFault(result: Result, fault: string | undefined): Result {
  return fault === undefined ? result : { ...result, serverFaults: [...(result.serverFaults ?? []), fault] };
}

/** Looks for the highest rate that holds `slo`: doubling until it breaks, then halving the gap. The result is the run
 *  at that rate, or the first run when not even that held; `steps` holds all runs. A server that takes nobody any more
 *  ends the search, and is a fault of the whole. */
export async function playSearch(plan: Plan, search: Search, slo: readonly SloTerm[], play: PlayOnce): Promise<Result> {
  const steps: ResultStep[] = [];
  let best: Result | undefined;
  let first: Result | undefined;
  let bound: Result | undefined;
  let disturbed: Result | undefined;
  let refusal: string | undefined;
  let held = 0;
  let broken = Number.POSITIVE_INFINITY;
  for (let rate = search.minRate; rate > 0; rate = nextRate(held, broken, search)) {
    const label = `${rate} msg/s`;
    let result = await orRefusal(play({ ...plan, rate }, label), label, first !== undefined);
    // Once more: a moment's disturbance must not pass for the limit.
    if (typeof result !== 'string' && !result.valid) {
      disturbed = result;
      result = await orRefusal(play({ ...plan, rate }, `${label} again`), label, true);
    }
    if (typeof result === 'string') {
      refusal = result;
      break;
    }
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
  const answer = withFault(best ?? first ?? (disturbed as Result), refusal);
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
