// The outcome of a comparison, `fanwire.comparison/2`: the one object that every report of it reads.

import { countOf } from '../../src/base/page/format.js';
import type { Result } from '../result/result.js';
import { overallVerdict, type Verdict } from './budget.js';
import { type DeliveryFault, describeDeliveryFault } from './delivery-faults.js';
import type { Interval } from './interval.js';
import type { LatencySpread } from './latency-spread.js';
import type { LoopName, Metric, MetricName } from './metrics.js';
import { describeFaults, type FaultOutcome } from './server-faults.js';
import type { Why } from './why/difference.js';

export const COMPARISON_SCHEMA = 'fanwire.comparison/2';

export interface MetricOutcome {
  readonly name: MetricName;
  readonly label: string;
  readonly unit: Metric['unit'];
  /** Which part of a run the figure is from. */
  readonly loop: LoopName;
  readonly moreIsBetter: boolean;
  /** The median of a side's runs. */
  readonly base: number | null;
  readonly head: number | null;
  /** Head over base; null when it was not measured. */
  readonly ratio: number | null;
  /** The interval that holds the true ratio with a confidence of 1 − alpha; null when the pairs are too few for one. */
  readonly interval: Interval | null;
  /** The wider one that holds it for all gates together: a gate has regressed when this one lies beyond its budget. */
  readonly familyInterval: Interval | null;
  /** Head over base, pair by pair, in the order run. */
  readonly pairRatios: readonly (number | null)[];
  /** How much worse it may get, as a fraction of the base's. */
  readonly budget: number;
  /** Whether the verdict on the whole depends on it. */
  readonly isGate: boolean;
  readonly verdict: Verdict;
  /** The smallest change for the worse, as a fraction (0.041: 4.1 %), that would have been caught with a probability of
   *  90 % within the comparison's limit, by the spread of its pairs; null when that is not known. */
  readonly wouldCatch: number | null;
  /** For an undecided gate: seconds of further play after which half of such comparisons are decided; null: not in any
   *  time worth the wait. */
  readonly decidedInS: number | null;
}

export interface ScenarioOutcome {
  readonly name: string;
  readonly verdict: Verdict;
  readonly metrics: readonly MetricOutcome[];
  readonly pairs: number;
  /** Why another load than the default one was played, and which. */
  readonly scaled?: string;
  /** Why pairs were thrown away, one reason each. */
  readonly discarded: readonly string[];
  /** Runs whose server ended or dropped clients. */
  readonly serverFaults?: FaultOutcome;
  /** What was wrong with what was delivered; absent in files of before. */
  readonly deliveryFaults?: readonly DeliveryFault[];
  /** Why it could not be measured at all. */
  readonly unmeasured?: string;
  /** How far the runs of either side differ, by percentile. */
  readonly latency: readonly LatencySpread[];
  /** The same of staleness; absent where messages have no keys. */
  readonly staleness?: readonly LatencySpread[];
  /** One result a side, its latencies those of all its runs. */
  readonly results: { readonly base: Result; readonly head: Result } | null;
}

/** The second session that a small regression must be seen in before it is one. */
export interface Confirmation {
  readonly pairs: number;
  readonly elapsedS: number;
  readonly isConfirmed: boolean;
  /** Why it could not be played. */
  readonly failed?: string;
  readonly metrics: readonly {
    readonly scenario: string;
    readonly name: MetricName;
    readonly label: string;
    readonly moreIsBetter: boolean;
    readonly ratio: number | null;
    readonly isConfirmed: boolean;
  }[];
}

export interface Comparison {
  readonly schema: typeof COMPARISON_SCHEMA;
  readonly startedAt: string;
  readonly base: string;
  readonly head: string;
  readonly verdict: Verdict;
  /** Why, one sentence each, the most important first. */
  readonly reasons: readonly string[];
  /** How often a verdict may be wrong, over all gates of all scenarios together. */
  readonly alpha: number;
  readonly scenarios: readonly ScenarioOutcome[];
  readonly confirmation: Confirmation | null;
  /** What profiles say of a regression, where they could be had. */
  readonly why?: Why;
  readonly elapsedS: number;
}

/** Whether anything valid was measured. */
export function isMeasured(comparison: Comparison): boolean {
  return comparison.scenarios.some((scenario) => scenario.results !== null);
}

export function gatesOfAll(
  comparison: Comparison,
): { readonly scenario: ScenarioOutcome; readonly gate: MetricOutcome }[] {
  return comparison.scenarios.flatMap((scenario) =>
    scenario.metrics.filter((metric) => metric.isGate).map((gate) => ({ scenario, gate })),
  );
}

/** The verdict on the whole, and its reasons. A head whose server dies, or that loses or doubles messages, where the
 *  base does not, has regressed, whatever its speed; a small regression that the second session did not see is
 *  undecided. */
export function judgeWhole(
  scenarios: readonly ScenarioOutcome[],
  confirmation: Confirmation | null,
): { readonly verdict: Verdict; readonly reasons: readonly string[] } {
  const several = scenarios.length > 1;
  const deaths = scenarios.flatMap(({ name, serverFaults }) => {
    const text = serverFaults === undefined ? undefined : describeFaults(serverFaults);
    if (text === undefined) return [];
    return [{ isWorse: serverFaults?.isHeadWorse ?? false, text: `${several ? `${name}: ` : ''}${text}` }];
  });
  const losses = scenarios.flatMap(({ name, deliveryFaults = [] }) =>
    deliveryFaults.map((fault) => ({
      isWorse: fault.isHeadWorse,
      text: describeDeliveryFault(fault, several ? ` in ${name}` : ''),
    })),
  );
  const gates = scenarios.flatMap((scenario) =>
    scenario.metrics.filter((metric) => metric.isGate).map((gate) => ({ scenario, gate })),
  );
  const faults = [...deaths, ...losses];
  const isWorse = faults.some((fault) => fault.isWorse);
  const judged = overallVerdict(gates.map(({ gate }) => gate.verdict));
  const isRefuted = confirmation !== null && !confirmation.isConfirmed;
  const verdict = isWorse ? 'regressed' : judged === 'regressed' && isRefuted ? 'inconclusive' : judged;
  const reasons = faults.sort((a, b) => Number(b.isWorse) - Number(a.isWorse)).map((fault) => fault.text);
  if (confirmation !== null) reasons.push(describeConfirmation(confirmation, several));
  for (const wanted of ['regressed', 'inconclusive', 'improved'] as const) {
    for (const { scenario, gate } of gates.filter((one) => one.gate.verdict === wanted)) {
      if (scenario.results === null && scenario.unmeasured !== undefined) continue;
      reasons.push(`${several ? `${scenario.name}: ` : ''}${describeOutcome(gate)}`);
    }
  }
  for (const { name, unmeasured } of scenarios)
    if (unmeasured !== undefined) reasons.push(`${name}: not measured, ${unmeasured}`);
  return { verdict, reasons };
}

function describeConfirmation({ isConfirmed, pairs, metrics, failed }: Confirmation, several: boolean): string {
  if (failed !== undefined) return `not confirmed, since the second session could not be played: ${failed}`;
  const seen = metrics.map(({ scenario, label, ratio }) => {
    const where = several ? `${scenario}, ` : '';
    return `${where}${label} ${ratio === null ? 'not measured' : percent(ratio)}`;
  });
  const what = isConfirmed ? 'confirmed by' : 'not confirmed by';
  return `${what} a second session of ${countOf(pairs, 'pair')} with fresh builds: ${seen.join('; ')}`;
}

/** One sentence on one metric: "latency p99 +12.3 % (+8.1 … +16.0 %), budget +10 %: regressed". */
export function describeOutcome(outcome: MetricOutcome): string {
  const { ratio, verdict } = outcome;
  const budget = `budget ${budgetText(outcome)}`;
  if (ratio === null) return `${outcome.label}: not measured, ${budget}`;
  const when = verdict === 'inconclusive' && outcome.isGate ? `, ${decidedIn(outcome)}` : '';
  return `${outcome.label} ${percent(ratio)} (${intervalText(outcome)}), ${budget}: ${verdict}${when}`;
}

/** "+8.1 % … +16.0 %". A verdict looks at one side of the budget, and may take fewer pairs than an interval, which
 *  has two ends. */
export function intervalText({ interval, verdict }: MetricOutcome): string {
  if (interval !== null) return `${percent(interval.low)} … ${percent(interval.high)}`;
  return verdict === 'inconclusive'
    ? 'too few pairs for an interval'
    : 'enough pairs for a verdict, too few for an interval';
}

export function budgetText({ budget, moreIsBetter }: MetricOutcome): string {
  return `${moreIsBetter ? '−' : '+'}${Number((budget * 100).toFixed(1))} %`;
}

/** Fewer pairs do not show their spread, so no time is predicted from them. */
export const TELLING_PAIRS = 4;

export function tellsSpread({ pairRatios }: MetricOutcome): boolean {
  return pairRatios.filter((ratio) => ratio !== null).length >= TELLING_PAIRS;
}

/** "decided in about 3 more minutes", or that it never is; of a metric that decides. */
export function decidedIn(outcome: MetricOutcome): string {
  if (!tellsSpread(outcome)) return 'too few pairs to say for how long';
  if (outcome.decidedInS === null) return 'too close to its budget to be decided in any time worth the wait';
  return `decided in about ${duration(outcome.decidedInS)} more`;
}

export function duration(seconds: number): string {
  if (seconds < 100) return `${Math.max(1, Math.round(seconds))} s`;
  const minutes = Math.round(seconds / 60);
  return countOf(minutes, 'minute');
}

/** What the comparison could have seen: "Would have caught with 90 % probability: cpu +4.1 %." for its gates, by
 *  scenario; null where no gate can say. */
export function couldSee(comparison: Comparison): string | null {
  const terms = catchTerms(comparison);
  return terms.length === 0 ? null : `Would have caught with 90 % probability: ${terms.join('; ')}.`;
}

/** For each scenario "burst p99 +40.0 %, cpu +4.1 %"; without its name where it is the only one. */
export function catchTerms({ scenarios }: Comparison): string[] {
  return scenarios.flatMap(({ name, metrics }) => {
    const known = metrics.filter(({ isGate, wouldCatch }) => isGate && wouldCatch !== null);
    const terms = known.map((gate) => `${gate.name} ${catchText(gate)}`).join(', ');
    return terms === '' ? [] : `${scenarios.length > 1 ? `${name} ` : ''}${terms}`;
  });
}

/** "+4.1 %", or "−4.0 %" of what there should be more of. */
export function catchText({ wouldCatch, moreIsBetter }: MetricOutcome): string {
  if (wouldCatch === null) return '';
  return percent(moreIsBetter ? 1 / (1 + wouldCatch) : 1 + wouldCatch);
}

/** A ratio as a change: 1.123 → "+12.3 %". */
export function percent(ratio: number): string {
  const change = (ratio - 1) * 100;
  const size = Math.abs(change).toFixed(1);
  const sign = change < 0 ? '−' : '+';
  return size === '0.0' ? '0.0 %' : `${sign}${size} %`;
}
