// Scales the load of a comparison that nobody named to what this machine and both sides carry: one short run of each
// side, and the smaller of the two loads for both, so that every run of either plays the same.

import { FanwireError } from '../../src/base/error.js';
import { probePlan, type Scaled, scaleBy } from '../run/scale.js';
import { playSide } from './play.js';
import type { Rig, Sides } from './session.js';
import type { ScenarioSetup } from './setup.js';

/** Each of `setups` with the load to play, and why where that is another one.
 *  @throws the signal's reason when it is aborted */
export async function scaleDefaults(
  setups: readonly ScenarioSetup[],
  sides: Sides,
  stage: Rig & { readonly say: (line: string) => void },
): Promise<ScenarioSetup[]> {
  const scaled: ScenarioSetup[] = [];
  for (const setup of setups) {
    const { plan } = setup;
    const isPublished = plan.rate > 0 && plan.publishers > 0;
    if (setup.isLoadNamed || !isPublished) {
      scaled.push(setup);
      continue;
    }
    const { plan: load, remark } = await carriedByBoth(setup, sides, stage);
    if (remark !== undefined) stage.say(`${setup.name}: ${remark}`);
    scaled.push({ ...setup, plan: load, ...(remark !== undefined && { scaled: remark }) });
  }
  return scaled;
}

async function carriedByBoth(setup: ScenarioSetup, sides: Sides, stage: Rig): Promise<Scaled> {
  const loads: Scaled[] = [];
  for (const side of [sides.base, sides.head]) {
    const probe = { ...setup, plan: probePlan(setup.plan), capacityMs: 0, countsInstructions: false };
    try {
      const run = await playSide(side, { ...probe, ...stage });
      if ('result' in run) loads.push(scaleBy(run.result, setup.plan, {}));
    } catch (error) {
      // What does not hold is found, and told, by the pairs themselves.
      if (stage.signal.aborted || !(error instanceof FanwireError)) throw error;
    }
  }
  const deliveries = ({ plan }: Scaled) => plan.subscribers * plan.rate;
  return loads.reduce((least, one) => (deliveries(one) < deliveries(least) ? one : least), {
    plan: setup.plan,
    remark: undefined,
  });
}
