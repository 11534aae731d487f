// The parameters of a plan: as options of a command, and as keys of a `--scenario file.json` or a suite.

import type { z } from 'zod';
import { FanwireError } from '../../src/base/error.js';
import { readJsonFile } from '../../src/base/json-file.js';
import { didYouMean } from '../../src/base/nearest.js';
import { type Option, type OptionGroup, option } from '../../src/config/option.js';
import { amountFrom, bytes, count, shareFrom, text, timeFrom, toggle } from '../../src/config/types.js';
import { type Parameter, type ParameterKey, parameter, parameterKeys, type ValueOf } from '../k6/lib/parameters.js';
import type { Plan } from './scenario.js';

type PlanOptions = { [K in ParameterKey]: Option<z.ZodType<ValueOf<K>>> };

/** A flag, a variable and a file key for every parameter; `usual` has the defaults. */
export function planGroup(title: string, usual: Readonly<Plan>): OptionGroup<PlanOptions> {
  const options = Object.fromEntries(parameterKeys.map((key) => [key, optionOf(parameter(key), usual[key])]));
  return { title, options: options as unknown as PlanOptions };
}

function optionOf(declared: Parameter, usual: unknown): Option {
  const { flag, kind, unit, description } = declared;
  return option({
    flag,
    description: description.charAt(0).toUpperCase() + description.slice(1),
    type: typeOf(declared),
    default: usual,
    ...(kind === 'toggle'
      ? {}
      : { argument: kind === 'text' ? 'text' : 'n', usually: `usually ${usual === '' ? 'none' : usual}` }),
    ...(unit !== undefined && { unit }),
  });
}

function typeOf({ kind, min = 0, max = Number.POSITIVE_INFINITY, unit = '' }: Parameter): z.ZodType {
  const types = {
    count: () => count(min, max, unit),
    amount: () => amountFrom(min, max, unit),
    seconds: () => timeFrom('seconds', min, max),
    bytes: () => bytes(min, max),
    share: () => shareFrom(min, max),
    text: () => text(),
    toggle: () => toggle(),
  };
  return types[kind]();
}

/** The parameters that were set by flag, variable or file. */
export function givenPlan(config: object, origins: Readonly<Record<string, string>>): Partial<Plan> {
  const given = parameterKeys.filter((key) => origins[key] !== 'default');
  return Object.fromEntries(given.map((key) => [key, (config as Plan)[key]]));
}

/** What a `--scenario` file may contain. */
export interface ScenarioFile {
  readonly scenario?: string;
  readonly slo?: string;
  readonly plan: Partial<Plan>;
}

/** Reads a scenario file: a JSON object of plan keys, `scenario` (which sets the defaults) and `slo`.
 *  @throws FanwireError FANWIRE_USAGE_SCENARIO_FILE, FANWIRE_USAGE_BENCH_RANGE */
export function readScenarioFile(file: string): ScenarioFile {
  const refuse = (message: string) => new FanwireError('FANWIRE_USAGE_SCENARIO_FILE', `--scenario ${file}: ${message}`);
  let content: unknown;
  try {
    content = readJsonFile(file);
  } catch (error) {
    throw refuse(error instanceof Error ? error.message : String(error));
  }
  if (typeof content !== 'object' || content === null || Array.isArray(content))
    throw refuse('must hold one JSON object');
  const { scenario, slo, ...rest } = content as Record<string, unknown>;
  if (scenario !== undefined && typeof scenario !== 'string') throw refuse('"scenario" must be a name');
  if (slo !== undefined && typeof slo !== 'string') throw refuse('"slo" must be text such as "p99<20ms"');
  const plan = readPlan(rest, `--scenario ${file}`, (message) => {
    throw refuse(message);
  });
  return { plan, ...(scenario !== undefined && { scenario }), ...(slo !== undefined && { slo }) };
}

/** Reads a plan's parameters from a JSON object. An error about a value out of range begins with `name`; `refuse` is
 *  called for an unknown key.
 *  @throws FanwireError FANWIRE_USAGE_BENCH_RANGE, and what `refuse` throws */
export function readPlan(
  content: Readonly<Record<string, unknown>>,
  name: string,
  refuse: (message: string) => never,
): Partial<Plan> {
  const plan: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(content)) {
    if (!parameterKeys.includes(key as ParameterKey)) {
      return refuse(`unknown key "${key}"${didYouMean(key, parameterKeys)}`);
    }
    const type = typeOf(parameter(key as ParameterKey));
    const read = type.safeParse(value);
    if (!read.success) {
      throw new FanwireError(
        'FANWIRE_USAGE_BENCH_RANGE',
        `${name}: "${key}" must be ${type.description}, got ${JSON.stringify(value)}`,
      );
    }
    plan[key] = read.data;
  }
  return plan;
}
