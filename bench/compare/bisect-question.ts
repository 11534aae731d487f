// What each step of a bisection is asked, from the comparison of the good commit with the bad one: the one metric that
// tells those two apart best, and the border between good and bad.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readJsonFile } from '../../src/base/json-file.js';
import { median } from '../measure/median.js';
import { limitOf } from './budget.js';
import { budgetText, type Comparison, gatesOfAll, type MetricOutcome, percent } from './comparison.js';

export interface BisectQuestion {
  readonly scenario: string;
  /** The metric's name, as `--budget` has it. */
  readonly metric: string;
  /** From how much more on a commit is bad, as a fraction of the good one's. */
  readonly budget: number;
  /** For the person who waits. */
  readonly text: string;
}

/** A spread below this (as a fraction) says that the pairs are few, not that they are quiet. */
const LEAST_SPREAD = 0.005;

/** Undefined where the bad commit is worse by what no metric says: it loses messages, or its server ends. */
export function bisectQuestion(comparison: Comparison): BisectQuestion | undefined {
  const worse = gatesOfAll(comparison).filter(({ gate }) => gate.verdict === 'regressed' && gate.ratio !== null);
  const [best] = worse.sort((a, b) => clarity(b.gate) - clarity(a.gate));
  if (best === undefined) return undefined;
  const { scenario, gate } = best;
  const budget = borderOf(gate);
  const border = budgetText({ ...gate, budget });
  const why = budget < gate.budget ? `half of that, less than the budget of ${budgetText(gate)}` : 'the budget';
  const where = comparison.scenarios.length > 1 ? ` in ${scenario.name}` : '';
  const text = `${gate.label}${where} tells them apart: ${percent(gate.ratio as number)}; from ${border} on (${why}) a commit is bad`;
  return { scenario: scenario.name, metric: gate.name, budget, text };
}

/** The flags that put the question to a step, behind those that the user gave. `alpha`: a step's own. Where no metric
 *  is asked for, the step is judged as the bad commit was. */
export function stepFlags(
  question: BisectQuestion | undefined,
  alpha: number,
  given: readonly string[],
  place: string,
): string[] {
  const own = ['--alpha', alpha.toFixed(6)];
  if (question === undefined) return own;
  const suite = suiteOf(given);
  if (suite !== undefined) {
    const file = join(place, 'suite.json');
    writeFileSync(file, JSON.stringify(only(question.scenario, suite)));
    own.push('--suite', file);
  }
  return [...own, '--budget', `${question.metric}:+${(question.budget * 100).toFixed(3)}%`];
}

function suiteOf(flags: readonly string[]): string | undefined {
  const at = flags.findLastIndex((word) => word === '--suite' || word.startsWith('--suite='));
  return at < 0 ? undefined : flags[at] === '--suite' ? flags[at + 1] : flags[at]?.slice('--suite='.length);
}

/** The suite `file` with one of its scenarios. It was read before, so it is one. */
function only(name: string, file: string): object {
  if (file === 'default') return { scenarios: [name] };
  const suite = readJsonFile(file) as { scenarios: (string | { name?: string; scenario: string })[] };
  const isIt = (one: (typeof suite.scenarios)[number]): boolean =>
    (typeof one === 'string' ? one : (one.name ?? one.scenario)) === name;
  return { ...suite, scenarios: suite.scenarios.filter(isIt) };
}

/** How far apart two commits lie, in spreads of a pair. */
function clarity({ ratio, pairRatios }: MetricOutcome): number {
  const center = Math.log(ratio as number);
  const distances = pairRatios.flatMap((one) => (one === null ? [] : Math.abs(Math.log(one) - center)));
  return Math.abs(center) / Math.max(LEAST_SPREAD, median(distances) as number);
}

/** The budget, but no more than half of the change (of its logarithm): commits at either end are then as far from the
 *  border as can be, and "good" is as sure as "bad". */
function borderOf({ ratio, budget, moreIsBetter }: MetricOutcome): number {
  const worse = moreIsBetter ? 1 / (ratio as number) : (ratio as number);
  const half = Math.sqrt(worse);
  if (limitOf(budget, moreIsBetter) <= half) return budget;
  return moreIsBetter ? 1 - 1 / half : half - 1;
}
