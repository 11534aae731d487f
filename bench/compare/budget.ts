// Budgets such as `p99:+10%,cpu:+5%`: how much worse a metric may get, and what may be said of that.

import { FanwireError } from '../../src/base/error.js';
import { METRIC_NAMES, METRICS, type MetricName } from './metrics.js';

/** How much worse a metric may get before that is a regression, as a fraction of the base's. */
export type Budgets = Readonly<Record<MetricName, number>>;

/** The budget of every metric, as it is declared. */
export const DEFAULT_BUDGETS = Object.fromEntries(METRICS.map(({ name, budget }) => [name, budget])) as Budgets;

/** The budgets that `text` gives: `metric:+N%`, separated by commas. Where more is better, `-N%` is the same. `where`
 *  is what errors call the text.
 *  @throws FanwireError FANWIRE_USAGE_BUDGET */
export function parseBudgets(text: string, where = '--budget'): Partial<Budgets> {
  const budgets: Partial<Record<MetricName, number>> = {};
  for (const term of text.split(',').map((part) => part.trim())) {
    if (term === '') continue;
    const match = /^([a-z0-9.]+):([+-]?)(\d+(?:\.\d+)?)%$/.exec(term);
    const name = match?.[1]?.replace('p99.9', 'p999') as MetricName;
    const metric = METRICS.find((one) => one.name === name);
    if (match === null || metric === undefined || (match[2] === '-' && !metric.moreIsBetter)) {
      throw new FanwireError(
        'FANWIRE_USAGE_BUDGET',
        `${where} term "${term}" is not understood: write metric:+N%, with a metric of ${METRIC_NAMES.join(', ')}`,
      );
    }
    if (budgets[name] !== undefined)
      throw new FanwireError('FANWIRE_USAGE_BUDGET', `${where} has two budgets for ${name}: leave one out`);
    budgets[name] = Number(match[3]) / 100;
  }
  return budgets;
}

/** How many times worse than the base a metric may be: 1.05 for +5 %. Where more is better, the budget is a loss of
 *  that much. */
export function limitOf(budget: number, moreIsBetter: boolean): number {
  return moreIsBetter ? 1 / (1 - Math.min(budget, 0.99)) : 1 + budget;
}

/** `regressed`: worse than the budget allows, for certain; `improved`: better by more than the budget; `unchanged`:
 *  within the budget either way; `not worse`: no worse than the budget allows, and whether it is better was not asked
 *  or not decided; `inconclusive`: the pairs do not tell. What a reader must see first stands first. */
export const VERDICTS = ['regressed', 'inconclusive', 'improved', 'unchanged', 'not worse'] as const;
export type Verdict = (typeof VERDICTS)[number];

/** One verdict for all metrics: a regression anywhere is one; an improvement only counts beside nothing undecided. */
export function overallVerdict(verdicts: readonly Verdict[]): Verdict {
  if (verdicts.includes('regressed')) return 'regressed';
  if (verdicts.length === 0 || verdicts.includes('inconclusive')) return 'inconclusive';
  if (verdicts.includes('improved')) return 'improved';
  return verdicts.includes('not worse') ? 'not worse' : 'unchanged';
}
