// Whether a plan can state what is asked of it. One that never can is refused before it is played, with the flag that
// would do.

import { FanwireError } from '../../src/base/error.js';
import { highestPercentile, type SloTerm } from '../result/slo.js';
import { publishesFor } from '../result/validity.js';
import type { Plan } from '../scenarios/scenario.js';

/** Deliveries that must lie beyond a percentile. */
const BEYOND = 10;

/** The percentile that a run must be able to state: the highest that its objective names, p99 without an objective.
 *  Undefined: none, the objective is about counts. */
export function askedPercentile(objective: readonly SloTerm[]): number | undefined {
  return objective.length === 0 ? 99 : highestPercentile(objective);
}

/** @throws FanwireError FANWIRE_USAGE_BENCH_FEW when `plan` publishes too little for what `objective` asks */
export function requireStatable(plan: Plan, objective: readonly SloTerm[]): void {
  const percentile = askedPercentile(objective);
  if (percentile === undefined) return;
  const asks = objective.length === 0 ? 'a report states' : 'the objective asks for';
  if (plan.rate === 0 || plan.publishers === 0) {
    if (objective.length === 0) return;
    throw refusal(`${asks} p${percentile}, and nothing is published: give --rate and --publishers`);
  }
  const messages = Math.floor(plan.rate * plan.durationS);
  const needed = messagesFor(plan, percentile);
  if (messages >= needed) return;
  const durationS = Math.ceil((needed / plan.rate) * 10) / 10;
  const rate = Math.ceil(needed / plan.durationS);
  throw refusal(
    `${asks} p${percentile}, and --rate ${plan.rate} for ${plan.durationS} s publishes ${messages} messages of the ${needed} it takes: --duration ${durationS} or --rate ${rate} would do`,
  );
}

/** Measured messages that `percentile` takes: one beyond it, and ten deliveries. */
export function messagesFor({ subscribers, topics }: Plan, percentile: number): number {
  const perMessage = Math.max(1, subscribers) / topics;
  return Math.max(publishesFor(percentile), Math.ceil((BEYOND * publishesFor(percentile)) / perMessage));
}

function refusal(message: string): FanwireError {
  return new FanwireError('FANWIRE_USAGE_BENCH_FEW', message);
}
