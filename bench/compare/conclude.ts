// What the pairs of a session come to: a figure, an interval and a verdict for every metric of every scenario.

import { decodeHistogram, encodeHistogram, mergeHistograms, summarizeLatency } from '../measure/histogram.js';
import type { Result } from '../result/result.js';
import { sumUpStaleness } from '../result/sum-up.js';
import { overallVerdict, type Verdict } from './budget.js';
import type { MetricOutcome, ScenarioOutcome } from './comparison.js';
import { deliveryFaults } from './delivery-faults.js';
import { firstThreshold, GateEvidence, judgeAlone } from './gate-evidence.js';
import { intervalOf, mulberry32, pseudoMedian } from './interval.js';
import { latencySpread, stalenessSpread } from './latency-spread.js';
import { loopOf, METRICS, type Metric, type Pair, ratioOf, typical } from './metrics.js';
import { furtherPairs, wouldCatch } from './power.js';
import type { PlayedScenario } from './session.js';
import { whyUntimed } from './valid-run.js';

/** How the evidence is to be read. */
export interface EvidenceRules {
  readonly alpha: number;
  /** Gates of all scenarios together. */
  readonly gates: number;
  /** Pairs of the scenario that the comparison's limit would have allowed. */
  readonly pairs: number;
}

/** `limitMs`: the time that all scenarios had together; Infinity where the number of pairs was given. */
export function concludeAll(
  played: readonly PlayedScenario[],
  sides: { readonly base: string; readonly head: string },
  alpha: number,
  limitMs: number,
): ScenarioOutcome[] {
  const gates = played.reduce((sum, { setup }) => sum + setup.gates.length, 0);
  return played.map((one) => {
    const share = limitMs / played.length / Math.max(1, one.elapsedMs);
    const pairs = Number.isFinite(limitMs)
      ? Math.max(one.pairs.length, Math.floor(one.pairs.length * share))
      : one.pairs.length;
    return conclude(one, sides, { alpha, gates, pairs: Math.min(pairs, MOST_PAIRS) });
  });
}

/** A forecast is made for no more pairs than this: the spread of a few says nothing about thousands. */
const MOST_PAIRS = 400;

function conclude(
  played: PlayedScenario,
  sides: { readonly base: string; readonly head: string },
  reading: EvidenceRules,
): ScenarioOutcome {
  const { setup, pairs, discarded, verdicts, unmeasured } = played;
  const serverFaults = played.faults.outcome(reading.alpha);
  const faultsOfDelivery = deliveryFaults(pairs, reading.alpha / 2);
  const secondsPerPair = pairs.length === 0 ? 0 : played.elapsedMs / 1000 / pairs.length;
  const staleness = stalenessSpread(pairs);
  const gateVerdict = (metric: Metric): Verdict | undefined => verdicts[setup.gates.indexOf(metric.name)];
  return {
    name: setup.name,
    verdict: serverFaults.isHeadWorse ? 'regressed' : overallVerdict(verdicts),
    metrics: METRICS.map((metric) => ({
      ...judgeMetric(metric, pairs, setup.budgets[metric.name], gateVerdict(metric), reading, secondsPerPair),
      loop: loopOf(metric, setup.capacityMs),
    })),
    pairs: pairs.length,
    ...(setup.scaled !== undefined && { scaled: setup.scaled }),
    discarded,
    latency: latencySpread(pairs),
    ...(staleness.length > 0 && { staleness }),
    serverFaults,
    deliveryFaults: faultsOfDelivery,
    ...(unmeasured !== undefined && { unmeasured }),
    results:
      pairs.length === 0 ? null : { base: merged(pairs, 'base', sides.base), head: merged(pairs, 'head', sides.head) },
  };
}

/** `verdict`: the session's verdict on a gate. A metric that is no gate is judged by itself. */
function judgeMetric(
  metric: Metric,
  pairs: readonly Pair[],
  budget: number,
  verdict: Verdict | undefined,
  { alpha, gates, pairs: possiblePairs }: EvidenceRules,
  secondsPerPair: number,
): MetricOutcome {
  const pairRatios = pairs.map((pair) => ratioOf(metric, pair));
  const logRatios = pairRatios.flatMap((ratio) => (ratio === null ? [] : Math.log(ratio)));
  const center = pseudoMedian(logRatios);
  const gate = { budget, moreIsBetter: metric.moreIsBetter };
  const isGate = verdict !== undefined;
  const random = mulberry32(1);
  const p = firstThreshold(alpha, gates);
  const judged = verdict ?? judgeAlone(new GateEvidence(budget, metric.moreIsBetter), logRatios, alpha);
  const further =
    isGate && judged === 'inconclusive' ? furtherPairs(logRatios, gate, { p, pNotWorse: alpha / 2 }, random) : null;
  return {
    name: metric.name,
    label: metric.label,
    unit: metric.unit,
    loop: metric.loop,
    moreIsBetter: metric.moreIsBetter,
    base: typical(metric, pairs, 'base'),
    head: typical(metric, pairs, 'head'),
    ratio: center === null ? null : Math.exp(center),
    interval: intervalOf(logRatios, 1 - alpha),
    familyInterval: isGate ? intervalOf(logRatios, 1 - 2 * p) : null,
    pairRatios,
    budget,
    isGate,
    verdict: judged,
    wouldCatch: isGate ? wouldCatch(logRatios, gate, p, possiblePairs, random) : null,
    decidedInS: further === null ? null : Math.ceil(further * secondsPerPair),
  };
}

/** All runs of a side as one result: latencies and ages merged, counts added, the rest the median run's. */
function merged(pairs: readonly Pair[], side: keyof Pair, label: string): Result {
  const results = pairs.map((pair) => pair[side].result);
  const timed = results.filter((result) => whyUntimed(result) === undefined);
  // Where none is, the page's charts say why.
  const shown = timed.length === 0 ? results : timed;
  const byP99 = [...shown].sort((a, b) => (a.latencyMs.p99 ?? 0) - (b.latencyMs.p99 ?? 0));
  const middle = byP99[byP99.length >> 1] as Result;
  const all = mergeHistograms(shown.map((result) => decodeHistogram(result.latencyMs.histogram)));
  const sum = (figure: (result: Result) => number): number => results.reduce((total, one) => total + figure(one), 0);
  return {
    ...middle,
    target: { ...middle.target, name: label },
    published: sum((one) => one.published),
    expected: sum((one) => one.expected),
    delivered: sum((one) => one.delivered),
    lost: sum((one) => one.lost),
    duplicated: sum((one) => one.duplicated),
    outOfOrder: sum((one) => one.outOfOrder),
    ...(middle.echoed !== undefined && { echoed: sum((one) => one.echoed ?? 0) }),
    latencyMs: { ...summarizeLatency(all), histogram: encodeHistogram(all) },
    ...sumUpStaleness(shown),
  };
}
