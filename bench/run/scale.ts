// Scales a load that nobody asked for to what this machine and this server can carry, by a short run before the one
// that counts: the default of 500 subscribers is a third of a core on one machine and more than a whole one on the
// next.

import type { Result } from '../result/result.js';
import type { Plan } from '../scenarios/scenario.js';
import { messagesFor } from './statable.js';

/** Two seconds in all. */
const PROBE: Partial<Plan> = {
  warmupS: 0.5,
  durationS: 1.5,
  drainS: 1,
  churnRate: 0,
  stormFraction: 0,
  stalledSubscribers: 0,
};
/** The probe plays this part of the load. */
const PROBE_PART = 5;
/** A generator is refused at 0.9 of a core; what is predicted from a part is not known better than this. */
const GENERATOR_CORES = 0.6;
const SERVER_CORES = 0.75;
/** A smaller step is not worth another load than the one that the documentation names. */
const WORTHWHILE = 0.9;
const FEWEST_SUBSCRIBERS = 10;

export interface Scaled {
  readonly plan: Plan;
  /** Why and to what, for the report; undefined: as it was. */
  readonly remark: string | undefined;
}

/** The load to play first. */
export function probePlan(plan: Plan): Plan {
  const subscribers = Math.max(plan.topics, FEWEST_SUBSCRIBERS, Math.ceil(plan.subscribers / PROBE_PART));
  return { ...plan, ...PROBE, subscribers: Math.min(plan.subscribers, subscribers) };
}

/** `plan` with as many subscribers (and then messages) as the probe says can be carried. `named` parameters stay as
 *  they are. */
export function scaleBy(probe: Result, plan: Plan, named: Partial<Plan>): Scaled {
  const part = probe.params.subscribers as number;
  const more = plan.subscribers / part;
  const waited = Number(probe.params.generatorWaitedForCore ?? 0);
  const generatorCores = probe.generator.cpu * more;
  const serverCores = ((probe.server?.cpuSeconds ?? 0) / (PROBE.durationS as number)) * more;
  const isLate = !probe.valid && !probe.invalidReasons.every((reason) => reason.startsWith('too few'));
  const bounds = [
    { factor: GENERATOR_CORES / generatorCores, why: `the generator would need ${cores(generatorCores)}` },
    { factor: SERVER_CORES / serverCores, why: `the server would need ${cores(serverCores)}` },
    // What a fifth of the load is late by, all of it will be; fewer may still be in time.
    { factor: isLate ? 1 / more : 1, why: `a fifth of the load was late already` },
  ];
  const least = bounds.reduce((a, b) => (b.factor < a.factor ? b : a));
  if (!(least.factor < WORTHWHILE)) return { plan, remark: undefined };
  const share = waited > 0.1 ? `; other processes have ${cores(waited)} of the generator's` : '';
  return reduced(plan, least.factor, named, `${least.why}${share}`);
}

function reduced(plan: Plan, factor: number, named: Partial<Plan>, why: string): Scaled {
  const deliveries = plan.subscribers * plan.rate * factor;
  const fewest = Math.min(plan.subscribers, Math.max(plan.topics, FEWEST_SUBSCRIBERS));
  const subscribers =
    named.subscribers === undefined ? Math.max(fewest, twoDigits(deliveries / plan.rate)) : plan.subscribers;
  const slowest = Math.ceil((messagesFor({ ...plan, subscribers }, 99) * 1.5) / plan.durationS);
  const rate =
    named.rate === undefined ? Math.min(plan.rate, Math.max(slowest, twoDigits(deliveries / subscribers))) : plan.rate;
  if (subscribers === plan.subscribers && rate === plan.rate) return { plan, remark: undefined };
  const what = [
    subscribers === plan.subscribers ? '' : `${subscribers} subscribers`,
    rate === plan.rate ? '' : `${rate} msg/s`,
  ];
  const remark = `scaled to ${what.filter((part) => part !== '').join(' and ')} (--strict-load plays ${plan.subscribers} and ${plan.rate} msg/s): ${why}`;
  return { plan: { ...plan, subscribers, rate }, remark };
}

function twoDigits(value: number): number {
  return Math.floor(Number(value.toPrecision(2)));
}

function cores(value: number): string {
  return `${value.toFixed(1)} core${value.toFixed(1) === '1.0' ? '' : 's'}`;
}
