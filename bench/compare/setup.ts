// One scenario of a comparison before it is played: its plan, its gates, and whether it can lead to a verdict at all.

import { FanwireError } from '../../src/base/error.js';
import { countOf } from '../../src/base/page/format.js';
import { parseDeliverRules } from '../../src/config/deliver-rules.js';
import { ruleFor } from '../../src/config/topic-rules.js';
import { scenarioNamed } from '../scenarios/all.js';
import { PLAN_DEFAULTS, type Plan, type Scenario } from '../scenarios/scenario.js';
import { valuesOf } from '../targets/own-relay.js';
import type { TargetDialect } from '../targets/target.js';
import { type Budgets, DEFAULT_BUDGETS, parseBudgets } from './budget.js';
import { capacityTopic, WARMUP_MS } from './capacity.js';
import { fewestPairs } from './evidence.js';
import { firstThreshold, type GateBudget } from './gate-evidence.js';
import { gatesOf, unmeasuredOf } from './gates.js';
import { loopOf, type MetricName, metricNamed, statesPercentile } from './metrics.js';
import { COMPARE_PLAN, SHORT_LOOP_S } from './plan.js';
import { DEFAULT_SUITE, type Suite, type SuiteEntry } from './suite.js';
import type { Judged } from './valid-run.js';

export interface ScenarioSetup extends Judged {
  /** What reports call it; once in a comparison. */
  readonly name: string;
  readonly plan: Plan;
  /** ms of closed loop after each open-loop run; 0: none. */
  readonly capacityMs: number;
  /** Whether `perf` counts the server's instructions in it. */
  readonly countsInstructions: boolean;
  readonly dialect?: TargetDialect;
  /** Whether somebody asked for this load: then it is played as it is. */
  readonly isLoadNamed: boolean;
  /** Why another load than the default one is played. */
  readonly scaled?: string;
  readonly budgets: Budgets;
  /** Metrics that the verdict depends on. */
  readonly gates: readonly MetricName[];
}

export interface SetUpOptions {
  /** `--budget`: it comes before a suite's. */
  readonly budget: string | undefined;
  readonly capacityMs: number;
  /** Whether somebody asked for the closed loop: then it is played, though no gate needs it. */
  readonly isCapacityNamed?: boolean;
  /** Flags for `fanwire serve`. */
  readonly serveFlags?: readonly string[];
  /** The sides as given. */
  readonly specs: readonly string[];
  /** Whether both sides are builds of fanwire: others do not know its envelope. */
  readonly isFanwire: boolean;
  /** Whether both sides are played: kept runs are of one length, whatever is asked of them. */
  readonly isPaired: boolean;
  readonly say: (line: string) => void;
}

/** The scenarios of `suite`, ready to be played.
 *  @throws FanwireError FANWIRE_USAGE_SCENARIO, FANWIRE_USAGE_COMPARE_SCENARIO, FANWIRE_USAGE_BUDGET,
 *  FANWIRE_USAGE_BUDGET_UNMEASURED */
export function setUp(suite: Suite, options: SetUpOptions): ScenarioSetup[] {
  const playable = suite.scenarios.filter(({ dialect }) => options.isFanwire || dialect !== 'fanwire.v1');
  for (const { name } of suite.scenarios.filter((entry) => !playable.includes(entry))) {
    options.say(`${name} is left out: only fanwire itself speaks that dialect`);
  }
  if (playable.length === 0) {
    throw new FanwireError('FANWIRE_USAGE_COMPARE_SCENARIO', 'no scenario of the suite can be played on these sides');
  }
  return playable.map((entry) => setUpEntry(entry, suite, options));
}

function setUpEntry(entry: SuiteEntry, suite: Suite, options: SetUpOptions): ScenarioSetup {
  const scenario = comparable(entry.scenario);
  const askedMs = entry.capacityMs ?? options.capacityMs;
  const usual = { ...scenario.defaults, ...scenario.compared };
  const whole: Plan = {
    ...PLAN_DEFAULTS,
    ...COMPARE_PLAN,
    ...usual,
    ...entry.plan,
    scenario: scenario.name,
    deliver: '',
  };
  if (entry.plan.deliver !== undefined && entry.plan.deliver !== '') {
    throw new FanwireError(
      'FANWIRE_USAGE_COMPARE',
      `--deliver is of bench: give both sides --serve "--deliver '${whole.topicPrefix}*=${entry.plan.deliver}'"`,
    );
  }
  const unmeasured = unmeasuredOf(options.specs, askedMs, whole);
  const budget = options.budget ?? entry.budget ?? suite.budget ?? '';
  const ofSuite = entry.budget === undefined ? '"budget" of the suite' : `"budget" of ${entry.name} in the suite`;
  const where = options.budget === undefined ? ofSuite : '--budget';
  const budgets = parseBudgets(budget, where);
  const gates = gatesOf(Object.keys(budgets) as MetricName[], unmeasured, where);
  const isFromLoop = (gate: MetricName): boolean => loopOf(metricNamed(gate), askedMs) === 'closed loop';
  const isLoopAsked = entry.capacityMs !== undefined || options.isCapacityNamed || !options.isPaired;
  const capacityMs = isLoopAsked || gates.length === 0 || gates.some(isFromLoop) ? askedMs : 0;
  if (capacityMs > 0 && options.isFanwire) refuseConflation(options.serveFlags ?? [], whole.topicPrefix);
  const isShort =
    options.isPaired &&
    (entry.plan.durationS ?? usual.durationS) === undefined &&
    gates.every((gate) => metricNamed(gate).percentile === undefined);
  return {
    name: entry.name,
    plan: isShort ? { ...whole, durationS: SHORT_LOOP_S } : whole,
    capacityMs,
    countsInstructions: capacityMs > 0 && unmeasured.instructions === undefined,
    isLoadNamed: !DEFAULT_SUITE.scenarios.includes(entry) && (entry.plan.subscribers ?? entry.plan.rate) !== undefined,
    ...(entry.dialect !== undefined && { dialect: entry.dialect }),
    budgets: { ...DEFAULT_BUDGETS, ...budgets },
    gates,
    isOpenLoopJudged: gates.length === 0 || !gates.every(isFromLoop),
  };
}

/** A closed loop in windows tells of the windows, and one whose messages replace each other never ends.
 *  @throws FanwireError FANWIRE_USAGE_COMPARE, FANWIRE_CONFIG_DELIVER */
function refuseConflation(serveFlags: readonly string[], topicPrefix: string): void {
  const given = valuesOf(serveFlags, '--deliver');
  // A relay that is started here has the variables of this process.
  const rules = parseDeliverRules(given.length > 0 ? given.join(';') : (process.env.FANWIRE_DELIVER ?? ''));
  const rule = [0, 1].map((index) => ruleFor(rules, capacityTopic(index))).find((one) => one !== undefined);
  if (rule === undefined) return;
  throw new FanwireError(
    'FANWIRE_USAGE_COMPARE',
    `--serve has windows for the topics of the closed loop too (--deliver "${rule.pattern}=…" takes ${capacityTopic(0)} in): ` +
      `name those of the load, "${topicPrefix}*=…", or play none with --capacity 0`,
  );
}

function comparable(name: string): Scenario {
  const scenario = scenarioNamed(name);
  if (scenario.sweep !== undefined || scenario.search !== undefined) {
    throw new FanwireError(
      'FANWIRE_USAGE_COMPARE_SCENARIO',
      `--scenario ${scenario.name} is a series of runs; a comparison repeats one: use fan-out with --payload or --rate`,
    );
  }
  if (scenario.engine !== undefined) {
    throw new FanwireError(
      'FANWIRE_USAGE_COMPARE_SCENARIO',
      `--scenario ${scenario.name} is played by ${scenario.engine}, a comparison by the native engine: use one that \`fanwire bench list\` gives no engine for`,
    );
  }
  return scenario;
}

export function gateBudgets({ gates, budgets }: ScenarioSetup): GateBudget[] {
  return gates.map((name) => ({ budget: budgets[name], moreIsBetter: metricNamed(name).moreIsBetter }));
}

/** Seconds that starting and stopping a server take at least. */
const START_S = 0.15;

/** The least time that a pair of `setup` takes, s. */
export function leastPairS({ plan, capacityMs }: ScenarioSetup): number {
  const { warmupS, durationS } = plan;
  const loopMs = capacityMs === 0 ? 0 : WARMUP_MS + capacityMs;
  return 2 * (warmupS + durationS + loopMs / 1000 + START_S);
}

/** Refuses what can never be decided, before it is played.
 *  @throws FanwireError FANWIRE_USAGE_COMPARE_HOPELESS */
export function refuseHopeless(setups: readonly ScenarioSetup[], alpha: number, limitMs: number): void {
  for (const setup of setups) {
    for (const gate of setup.gates) {
      const at = metricNamed(gate).percentile;
      if (at !== undefined) refuseFewMessages(setup, gate, at);
    }
  }
  const gates = setups.reduce((sum, { gates }) => sum + gates.length, 0);
  const needed = fewestPairs(firstThreshold(alpha, gates));
  const neededS = setups.reduce((sum, setup) => sum + needed * leastPairS(setup), 0);
  if (neededS * 1000 <= limitMs) return;
  throw new FanwireError(
    'FANWIRE_USAGE_COMPARE_HOPELESS',
    `--max-minutes ${limitMs / 60_000} can never decide: a verdict takes ${needed} pairs${setups.length > 1 ? ' of each scenario' : ''} at least at --alpha ${alpha}, ` +
      `which last ${Math.ceil(neededS)} s; allow --max-minutes ${Math.ceil(neededS / 6) / 10} or more`,
  );
}

function refuseFewMessages({ name, plan }: ScenarioSetup, gate: MetricName, at: number): void {
  const published = Math.floor(plan.rate * plan.durationS);
  const deliveries = Math.floor((published * plan.subscribers) / plan.topics);
  if (statesPercentile(deliveries, published, at)) return;
  throw new FanwireError(
    'FANWIRE_USAGE_COMPARE_HOPELESS',
    `${gate} can never be decided in ${name}: a run of it makes ${deliveries} deliveries of ${published} messages, ` +
      `too few to state p${at}; raise --rate or --duration, or name other metrics with --budget`,
  );
}

/** What `pairs` pairs can never show, for those who ask for a fixed number; undefined: nothing. */
export function tooFewPairs(pairs: number, alpha: number, gates: number): string | undefined {
  const needed = fewestPairs(firstThreshold(alpha, gates));
  if (pairs >= needed) return undefined;
  return `${countOf(pairs, 'pair')} can show lost messages and no more: a verdict on ${countOf(gates, 'metric')} takes ${needed} at --alpha ${alpha}`;
}
