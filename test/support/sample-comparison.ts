// A whole comparison for tests of its reports: known pairs, judged by the code that judges real ones.

import { DEFAULT_BUDGETS } from '../../bench/compare/budget.js';
import { COMPARISON_SCHEMA, type Comparison, type Confirmation, judgeWhole } from '../../bench/compare/comparison.js';
import { concludeAll } from '../../bench/compare/conclude.js';
import { GateJudgement } from '../../bench/compare/gate-evidence.js';
import { mulberry32 } from '../../bench/compare/interval.js';
import type { MetricName, Pair, Run } from '../../bench/compare/metrics.js';
import { ServerFaults } from '../../bench/compare/server-faults.js';
import { addPair, type PlayedScenario } from '../../bench/compare/session.js';
import { gateBudgets, type ScenarioSetup } from '../../bench/compare/setup.js';
import { newLatencyHistogram, recordLatencyUs, summarizeLatency } from '../../bench/measure/histogram.js';
import type { Result } from '../../bench/result/result.js';
import { PLAN_DEFAULTS } from '../../bench/scenarios/scenario.js';
import { sampleResult } from './sample-result.js';

/** To half a percent, and each made once: a result is 50,000 latencies. */
const RESULTS = new Map<number, Result>();

function resultNear(slowness: number): Result {
  const key = Math.round(Math.log(slowness) * 200);
  const known = RESULTS.get(key) ?? sampleResult(Math.exp(key / 200));
  RESULTS.set(key, known);
  return known;
}

/** As of windows of 100 ms, over keys that are updated every 20 ms. */
function stalenessOf(slowness: number): NonNullable<Result['staleness']> {
  const ages = newLatencyHistogram();
  for (let i = 0; i < 2000; i++) recordLatencyUs(ages, slowness * (100_000 + 10 * i));
  return { ...summarizeLatency(ages), conflated: 8000 };
}

function run(slowness: number, { lost = 0, luck = 1, isKeyed = false } = {}): Run {
  const sample = resultNear(slowness);
  const staleness = isKeyed ? { staleness: stalenessOf(slowness) } : {};
  const result = { ...sample, ...staleness, lost, delivered: sample.expected - lost };
  return {
    result,
    capacity: {
      deliveries: 1e6,
      deliveriesPerSecond: 2e6 / slowness / luck,
      cpuPerMillion: 0.2 * slowness * luck,
      instructionsPerDelivery: 900 * slowness,
    },
  };
}

export interface Sample {
  readonly lost?: number;
  readonly head?: string;
  readonly gates?: readonly MetricName[];
  readonly scenarios?: readonly string[];
  readonly confirmation?: Confirmation | null;
  readonly pairs?: number;
  /** Whether messages are about keys, so that there is a staleness. */
  readonly isKeyed?: boolean;
  /** How far runs differ by chance: 0.03 is 3 %. */
  readonly spread?: number;
}

/** A comparison whose head is `slowness` times the base, a little more or less in each, over a drift that both
 *  share. */
export function sampleComparison(slowness: number, sample: Sample = {}): Comparison {
  const {
    lost = 0,
    head = 'feature',
    gates = ['cpu', 'p99'],
    scenarios = ['fan-out'],
    confirmation = null,
    isKeyed = false,
  } = sample;
  const random = mulberry32(9);
  const luck = () => 1 + (sample.spread ?? 0) * 2 * (random() + random() - 1);
  const drifts = [1, 1.2, 0.9, 1.1, 1, 0.95].flatMap((drift) => [drift, drift * 1.05, drift * 0.97]);
  const pairs: Pair[] = drifts.slice(0, sample.pairs ?? 18).map((drift, i) => ({
    base: run(drift * luck(), { luck: luck(), isKeyed }),
    head: run(drift * slowness * luck() * (1 + 0.001 * (i % 5)), { lost, luck: luck(), isKeyed }),
  }));
  const setup = {
    plan: PLAN_DEFAULTS,
    capacityMs: 400,
    countsInstructions: true,
    isLoadNamed: true,
    isOpenLoopJudged: true,
    budgets: DEFAULT_BUDGETS,
    gates,
  };
  const played = scenarios.map((name): PlayedScenario => {
    const named: ScenarioSetup = { ...setup, name };
    const judgement = new GateJudgement(gateBudgets(named), 0.01);
    for (const pair of pairs) addPair(judgement, 0, gates, pair);
    return {
      setup: named,
      pairs,
      discarded: [],
      verdicts: judgement.verdicts(),
      elapsedMs: 60_000,
      faults: new ServerFaults(),
    };
  });
  const outcomes = concludeAll(played, { base: 'main', head }, 0.01, 300_000);
  return {
    schema: COMPARISON_SCHEMA,
    startedAt: '2026-11-24T08:00:00.000Z',
    base: 'main',
    head,
    ...judgeWhole(outcomes, confirmation),
    alpha: 0.01,
    scenarios: outcomes,
    confirmation,
    elapsedS: 60,
  };
}
