// A small regression is seen twice before it is one: in a second session, with fresh builds and another order of runs.
//
// What a build was given by luck (memory layout, the path of its folder) is the same in every run of a session, and no
// number of pairs takes it away: T. Mytkowicz, A. Diwan, M. Hauswirth, P. Sweeney, "Producing wrong data without doing
// anything obviously wrong!" (ASPLOS 2009). Sessions of one pair of commits differed by about 1.2 points here
// (docs/regression.md).

import { limitOf } from './budget.js';
import type { Confirmation, MetricOutcome, ScenarioOutcome } from './comparison.js';
import { pseudoMedian } from './interval.js';
import { type MetricName, metricNamed, ratioOf } from './metrics.js';
import { playSession, type SessionOptions } from './session.js';
import type { ScenarioSetup } from './setup.js';

/** The two-sided error of the second session alone. It may be large, since the first one has already judged at the
 *  stated alpha. */
const CONFIRMATION_ALPHA = 0.1;
/** The second session may take the time that is left, and in any case this share of the whole. */
export const CONFIRMATION_SHARE = 0.5;
/** A change of more than this many budgets cannot come from memory layout: it needs no second session. */
const SMALL_BUDGETS = 2;

/** A gate that regressed in the first session. */
export interface Suspect {
  readonly scenario: string;
  readonly gate: MetricOutcome;
}

/** What a second session must confirm: the gates that have regressed, if each of them by less than twice its budget;
 *  none where one regressed by more. */
export function toConfirm(scenarios: readonly ScenarioOutcome[]): Suspect[] {
  const regressed = scenarios.flatMap(({ name, metrics }) =>
    metrics
      .filter((metric) => metric.isGate && metric.verdict === 'regressed')
      .map((gate) => ({ scenario: name, gate })),
  );
  return regressed.every(({ gate }) => isSmall(gate)) ? regressed : [];
}

function isSmall({ ratio, budget, moreIsBetter }: MetricOutcome): boolean {
  if (ratio === null) return false;
  const worse = moreIsBetter ? 1 / ratio : ratio;
  return worse < 1 + SMALL_BUDGETS * (limitOf(budget, moreIsBetter) - 1);
}

/** Plays the second session, of just the gates that regressed.
 *  @throws what a session throws */
export async function confirm(
  suspects: readonly Suspect[],
  options: Omit<SessionOptions, 'alpha' | 'isOneSided'>,
): Promise<Confirmation> {
  const begun = performance.now();
  const scenarios = options.scenarios.flatMap((setup): ScenarioSetup[] => {
    const gates = suspects.filter(({ scenario }) => scenario === setup.name).map(({ gate }) => gate.name);
    return gates.length === 0 ? [] : [{ ...setup, gates }];
  });
  const played = await playSession({ ...options, scenarios, alpha: CONFIRMATION_ALPHA, isOneSided: true });
  const metrics = played.flatMap(({ setup, pairs, verdicts }) =>
    setup.gates.map((name: MetricName, i) => {
      const metric = metricNamed(name);
      const logRatios = pairs.flatMap((pair) => {
        const ratio = ratioOf(metric, pair);
        return ratio === null ? [] : Math.log(ratio);
      });
      const center = pseudoMedian(logRatios);
      return {
        scenario: setup.name,
        name,
        label: metric.label,
        moreIsBetter: metric.moreIsBetter,
        ratio: center === null ? null : Math.exp(center),
        isConfirmed: verdicts[i] === 'regressed',
      };
    }),
  );
  return {
    pairs: played.reduce((sum, { pairs }) => sum + pairs.length, 0),
    elapsedS: Math.round((performance.now() - begun) / 100) / 10,
    isConfirmed: metrics.some((metric) => metric.isConfirmed),
    metrics,
  };
}
