// Which metrics decide a comparison: those that a --budget names, or the default ones, as far as they can be measured
// here at all.

import { FanwireError } from '../../src/base/error.js';
import { INSTRUCTIONS, KERNEL_INSTRUCTIONS, whyUncountable } from '../measure/event-counter.js';
import type { Plan } from '../scenarios/scenario.js';
import { shownUrl } from '../targets/target.js';
import { DEFAULT_GATES, METRICS, type MetricName, type Need } from './metrics.js';

/** Why a metric has no figure, by its name. */
export type Unmeasured = Partial<Record<MetricName, string>>;

/** What runs of `plan` on the sides `specs` with a closed loop of `capacityMs` (0: none) cannot measure. */
export function unmeasuredOf(
  specs: readonly string[],
  capacityMs: number,
  plan: Pick<Plan, 'rate' | 'publishers' | 'keys'>,
): Unmeasured {
  const noLoop = capacityMs === 0 ? '--capacity is 0' : undefined;
  const url = specs.find((spec) => /^wss?:\/\//.test(spec));
  const tls = specs.find((spec) => spec.startsWith('wss://'));
  const silent = plan.rate === 0 || plan.publishers === 0 ? 'nothing is published' : undefined;
  const missing: Readonly<Record<Need, () => string | undefined>> = {
    messages: () => silent,
    keys: () => (plan.keys > 0 ? undefined : 'messages have no keys (those of --scenario state have, or --keys)'),
    process: () => (url === undefined ? undefined : `the process behind ${shownUrl(url)} is not known`),
    loop: () => noLoop,
    'messages or loop': () => (silent !== undefined && noLoop !== undefined ? `${silent} and ${noLoop}` : undefined),
    'no TLS': () => (tls === undefined ? undefined : `saturation is not measured over TLS (${shownUrl(tls)})`),
    instructions: () => whyUncountable(INSTRUCTIONS),
    'kernel instructions': () => whyUncountable(KERNEL_INSTRUCTIONS),
  };
  const why = (needs: readonly Need[]) => needs.map((need) => missing[need]).reduce(firstOf, undefined);
  const reasons = METRICS.map(({ name, needs }) => [name, why(needs)]);
  return Object.fromEntries(reasons.filter(([, reason]) => reason !== undefined));
}

/** The first reason; those behind it are not looked for. */
function firstOf(reason: string | undefined, next: () => string | undefined): string | undefined {
  return reason ?? next();
}

/** The metrics that decide: those that --budget names, else the default ones that can be measured here. A gate without
 *  figures would leave every comparison inconclusive. `where` is what errors call the text that named them.
 *  @throws FanwireError FANWIRE_USAGE_BUDGET_UNMEASURED when `named` has what is not measured */
export function gatesOf(
  named: readonly MetricName[],
  unmeasured: Unmeasured,
  where = '--budget',
): readonly MetricName[] {
  if (named.length === 0) return DEFAULT_GATES.filter((name) => unmeasured[name] === undefined);
  for (const name of named) {
    const why = unmeasured[name];
    if (why === undefined) continue;
    throw new FanwireError('FANWIRE_USAGE_BUDGET_UNMEASURED', `${where} asks for ${name}, but ${why}: leave it out`);
  }
  return named;
}
