// The outcome of a comparison, `fanwire.comparison/1`: the one object that every report of it reads.

import type { Result } from '../result/result.js';
import { type Budgets, judgeInterval, type MetricName, overallVerdict, type Verdict } from './budget.js';
import { bootstrapInterval, drawIndependently, drawPairs, type Interval } from './interval.js';
import { METRICS, type Metric, type Pair } from './metrics.js';

export interface MetricOutcome {
  readonly name: MetricName;
  readonly label: string;
  readonly unit: Metric['unit'];
  readonly moreIsBetter: boolean;
  readonly base: number | null;
  readonly head: number | null;
  /** Head over base, with its interval; null when it could not be told. */
  readonly interval: Interval | null;
  /** Head over base, pair by pair, in the order run. */
  readonly pairRatios: readonly (number | null)[];
  readonly budget: number;
  /** Whether the verdict on the whole depends on it. */
  readonly isGate: boolean;
  readonly verdict: Verdict;
}

export interface Comparison {
  readonly schema: 'fanwire.comparison/1';
  readonly startedAt: string;
  readonly base: string;
  readonly head: string;
  readonly verdict: Verdict;
  /** Why, one sentence each, the most important first. */
  readonly reasons: readonly string[];
  readonly metrics: readonly MetricOutcome[];
  readonly confidence: number;
  readonly pairs: number;
  /** Pairs thrown away, with the reason of each. */
  readonly discarded: readonly string[];
  readonly elapsedS: number;
  /** One result a side, its latencies those of all its runs. */
  readonly results: { readonly base: Result; readonly head: Result } | null;
}

/** `paired`: both runs of a pair had the same minute, and are drawn together. `independent`: a baseline's runs had another. */
export type Design = 'paired' | 'independent';

/** What the interval of every metric says of `pairs`. */
export function judgeMetrics(
  pairs: readonly Pair[],
  budgets: Budgets,
  gates: readonly MetricName[],
  confidence: number,
  design: Design,
): MetricOutcome[] {
  const draw = design === 'paired' ? drawPairs<Pair> : drawIndependently<Pair['base'], Pair>;
  return METRICS.map((metric) => {
    const interval = bootstrapInterval(pairs, metric.ratio, confidence, draw);
    return {
      name: metric.name,
      label: metric.label,
      unit: metric.unit,
      moreIsBetter: metric.moreIsBetter,
      base: metric.value(pairs, 'base'),
      head: metric.value(pairs, 'head'),
      interval,
      pairRatios: pairs.map((pair) => metric.ratio([pair])),
      budget: budgets[metric.name],
      isGate: gates.includes(metric.name),
      verdict: judgeInterval(interval, budgets[metric.name], metric.moreIsBetter),
    };
  });
}

/** The verdict on the whole, and its reasons. A head that loses or doubles messages where the base does not has regressed,
 *  whatever its speed. */
export function judgeWhole(
  pairs: readonly Pair[],
  metrics: readonly MetricOutcome[],
): { readonly verdict: Verdict; readonly reasons: readonly string[] } {
  const faults = (side: 'base' | 'head'): number =>
    pairs.reduce((sum, pair) => sum + pair[side].result.lost + pair[side].result.duplicated, 0);
  const [baseFaults, headFaults] = [faults('base'), faults('head')];
  const gates = metrics.filter((metric) => metric.isGate);
  const verdict = headFaults > 0 && baseFaults === 0 ? 'regressed' : overallVerdict(gates.map((gate) => gate.verdict));
  const reasons: string[] = [];
  if (headFaults > 0 || baseFaults > 0) {
    reasons.push(`messages lost or duplicated: ${headFaults} by head, ${baseFaults} by base`);
  }
  for (const wanted of ['regressed', 'inconclusive', 'improved'] as const) {
    for (const gate of gates.filter((one) => one.verdict === wanted)) reasons.push(describeOutcome(gate));
  }
  return { verdict, reasons };
}

/** One sentence on one metric: "latency p99 +12.3 % (+8.1 … +16.0 %), budget +10 %: regressed". */
export function describeOutcome(outcome: MetricOutcome): string {
  const { interval } = outcome;
  const budget = `budget ${outcome.moreIsBetter ? '−' : '+'}${Number((outcome.budget * 100).toFixed(1))} %`;
  if (interval === null) return `${outcome.label}: not measured, ${budget}`;
  const change = `${percent(interval.ratio)} (${percent(interval.low)} … ${percent(interval.high)})`;
  return `${outcome.label} ${change}, ${budget}: ${outcome.verdict}`;
}

/** A ratio as a change: 1.123 → "+12.3 %". */
export function percent(ratio: number): string {
  const change = (ratio - 1) * 100;
  return `${change < 0 ? '−' : '+'}${Math.abs(change).toFixed(1)} %`;
}
