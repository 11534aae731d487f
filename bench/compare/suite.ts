// A suite: several scenarios that are judged together, from the one that ships or from a JSON file (`compare.json`).

import type { z } from 'zod';
import { FanwireError } from '../../src/base/error.js';
import { readJsonFile } from '../../src/base/json-file.js';
import { didYouMean } from '../../src/base/nearest.js';
import { scenarioNamed } from '../scenarios/all.js';
import { readPlan } from '../scenarios/plan-options.js';
import type { Plan } from '../scenarios/scenario.js';
import type { TargetDialect } from '../targets/target.js';
import { ALPHA, CAPACITY_MS, MAX_MINUTES } from './plan.js';

/** One scenario of a suite, as it is written. */
export interface SuiteEntry {
  /** What reports call it; the scenario's name unless given. */
  readonly name: string;
  readonly scenario: string;
  readonly plan: Partial<Plan>;
  /** ms of closed loop; the command's own unless given. */
  readonly capacityMs?: number;
  readonly dialect?: TargetDialect;
  /** As `--budget`; the default gates unless given. */
  readonly budget?: string;
}

export interface Suite {
  readonly scenarios: readonly SuiteEntry[];
  /** Flags that the file sets for the whole comparison; the command line's come first. */
  readonly budget?: string;
  readonly maxMinutes?: number;
  readonly alpha?: number;
}

/** Minutes for a suite that says nothing of its own: what 14 pairs of each of the default scenarios take, about
 *  twice. */
const SUITE_MINUTES = 20;

/** What ships: each scenario at a size that two cores play in seconds. Only fan-out has a closed loop, since that is a
 *  fan-out itself; elsewhere CPU is that of the open loop, of which equal builds spread by a tenth a pair, and its
 *  budget wider. RSS decides nowhere: 1,000 connections take 2 MB, in which the process's own growth is lost (60 % and
 *  more). */
export const DEFAULT_SUITE: Suite = {
  maxMinutes: SUITE_MINUTES,
  scenarios: [
    { name: 'fan-out', scenario: 'fan-out', plan: {} },
    {
      name: 'burst',
      scenario: 'burst',
      plan: { subscribers: 200, rate: 1280 },
      capacityMs: 0,
      budget: 'p50:+30%,p99:+75%,cpu:+20%',
    },
    {
      name: 'many-topics',
      scenario: 'many-topics',
      plan: { subscribers: 400, topics: 80, publishers: 80, rate: 2000 },
      capacityMs: 0,
      budget: 'p50:+30%,p99:+75%,cpu:+20%',
    },
    { name: 'churn', scenario: 'churn', plan: { churnRate: 50 }, capacityMs: 0, budget: 'p50:+30%,p99:+75%,cpu:+20%' },
    {
      name: 'connect-ramp',
      scenario: 'connect-ramp',
      plan: { subscribers: 1000, durationS: 0.2 },
      capacityMs: 0,
      budget: 'connect:+50%',
    },
    {
      name: 'enveloped',
      scenario: 'fan-out',
      plan: {},
      capacityMs: 0,
      dialect: 'fanwire.v1',
      budget: 'p50:+30%,p99:+75%,cpu:+20%',
    },
  ],
};

/** It stands in the lines of reports. */
const NAME = /^[^\p{Cc}]{1,100}$/u;
const SUITE_KEYS = ['scenarios', 'budget', 'maxMinutes', 'alpha'] as const;
const ENTRY_KEYS = ['name', 'scenario', 'plan', 'capacity', 'dialect', 'budget'] as const;
const DIALECTS: Readonly<Record<string, TargetDialect>> = { raw: 'raw', enveloped: 'fanwire.v1' };

/** Reads a suite file: `{"scenarios": ["fan-out", {"scenario": "burst", "plan": {…}, "budget": "p99:+20%"}],
 *  "maxMinutes": 10}`; 'default' is the one that ships.
 *  @throws FanwireError FANWIRE_USAGE_SUITE, FANWIRE_USAGE_SCENARIO, FANWIRE_USAGE_BENCH_RANGE */
export function readSuite(file: string): Suite {
  if (file === 'default') return DEFAULT_SUITE;
  const refuse: Refuse = (why) => {
    throw new FanwireError('FANWIRE_USAGE_SUITE', `--suite ${file}: ${why}`);
  };
  let content: unknown;
  try {
    content = readJsonFile(file);
  } catch (error) {
    return refuse((error as Error).message + didYouMean(file, ['default']));
  }
  const { scenarios, budget, maxMinutes, alpha } = object(content, 'the file', SUITE_KEYS, refuse);
  if (!Array.isArray(scenarios) || scenarios.length === 0) {
    return refuse('"scenarios" must be a list of names or objects, such as ["fan-out", "burst"]');
  }
  if (budget !== undefined && typeof budget !== 'string') refuse('"budget" must be text such as "p99:+20%,cpu:+5%"');
  const entries = scenarios.map((one, i) => entryOf(one, `scenarios[${i}]`, file, refuse));
  const names = entries.map(({ name }) => name);
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) refuse(`two scenarios are named "${twice}": give one a "name" of its own`);
  return {
    scenarios: entries,
    ...(budget !== undefined && { budget: budget as string }),
    ...(maxMinutes !== undefined && { maxMinutes: numberOf(MAX_MINUTES, '"maxMinutes"', maxMinutes, refuse) }),
    ...(alpha !== undefined && { alpha: numberOf(ALPHA, '"alpha"', alpha, refuse) }),
  };
}

type Refuse = (why: string) => never;

function entryOf(content: unknown, where: string, file: string, refuse: Refuse): SuiteEntry {
  if (typeof content === 'string') {
    const shipped = DEFAULT_SUITE.scenarios.find(({ name }) => name === content);
    return shipped ?? { name: scenarioAt(content, where, file), scenario: content, plan: {} };
  }
  const { name, scenario, plan = {}, capacity, dialect, budget } = object(content, where, ENTRY_KEYS, refuse);
  if (typeof scenario !== 'string') return refuse(`${where} needs "scenario", a name of \`fanwire bench list\``);
  scenarioAt(scenario, where, file);
  if (name !== undefined && (typeof name !== 'string' || !NAME.test(name))) {
    refuse(`${where}: "name" must be text of one line, of 1 to 100 characters`);
  }
  if (budget !== undefined && typeof budget !== 'string') refuse(`${where}: "budget" must be text such as "p99:+20%"`);
  if (dialect !== undefined && DIALECTS[String(dialect)] === undefined) {
    refuse(`${where}: "dialect" must be raw or enveloped, got ${JSON.stringify(dialect)}`);
  }
  const dialectName = dialect === undefined ? undefined : DIALECTS[String(dialect)];
  return {
    name: (name as string | undefined) ?? scenario,
    scenario,
    plan: readPlan(object(plan, `${where}: "plan"`, undefined, refuse), `--suite ${file}: ${where}`, refuse),
    ...(capacity !== undefined && { capacityMs: numberOf(CAPACITY_MS, `${where}: "capacity"`, capacity, refuse) }),
    ...(dialectName !== undefined && { dialect: dialectName }),
    ...(budget !== undefined && { budget: budget as string }),
  };
}

/** The name of a scenario that there is.
 *  @throws FanwireError FANWIRE_USAGE_SCENARIO */
function scenarioAt(name: string, where: string, file: string): string {
  try {
    return scenarioNamed(name).name;
  } catch (error) {
    if (!(error instanceof FanwireError)) throw error;
    throw new FanwireError('FANWIRE_USAGE_SCENARIO', `--suite ${file}: ${where}: ${error.message}`);
  }
}

function object(
  content: unknown,
  where: string,
  keys: readonly string[] | undefined,
  refuse: Refuse,
): Record<string, unknown> {
  if (typeof content !== 'object' || content === null || Array.isArray(content)) {
    return refuse(`${where} must be a JSON object`);
  }
  const unknown = keys && Object.keys(content).find((key) => !keys.includes(key));
  if (unknown !== undefined) refuse(`${where}: unknown key "${unknown}"${didYouMean(unknown, keys ?? [])}`);
  return content as Record<string, unknown>;
}

/** Read as the flag of that name is. */
function numberOf(type: z.ZodType<number>, where: string, value: unknown, refuse: Refuse): number {
  const read = type.safeParse(value);
  return read.success ? read.data : refuse(`${where} must be ${type.description}, got ${JSON.stringify(value)}`);
}
