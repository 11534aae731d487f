// Reads comparison files: one that is cut in half, of another schema, or made by somebody hostile is refused in one line.

import { z } from 'zod';
import { readJsonFile } from '../../src/base/json-file.js';
import { FanwireError } from '../../src/protocol/codes.js';
import { resultSchema } from '../result/result.js';
import { METRIC_NAMES } from './budget.js';
import { COMPARISON_SCHEMA, type Comparison } from './comparison.js';

/** Long enough for any branch name and reason; nothing is gained by reading more. */
const text = z.string().max(2_000);
const verdict = z.enum(['regressed', 'improved', 'unchanged', 'inconclusive']);
const figure = z.number().nullable();
const interval = z.object({ low: z.number(), high: z.number() }).nullable();
const faults = z.object({ runs: z.int().min(0), faults: z.array(text).max(10_000) });

const metric = z.object({
  name: z.enum(METRIC_NAMES),
  label: text,
  unit: text,
  loop: text,
  moreIsBetter: z.boolean(),
  base: figure,
  head: figure,
  ratio: z.number().positive().nullable(),
  interval,
  familyInterval: interval,
  pairRatios: z.array(figure).max(10_000),
  budget: z.number().min(0),
  isGate: z.boolean(),
  verdict,
  wouldCatch: figure,
  decidedInS: figure,
});

const scenario = z.object({
  name: text,
  verdict,
  metrics: z.array(metric).max(METRIC_NAMES.length),
  pairs: z.int().min(0),
  discarded: z.array(text).max(10_000),
  serverFaults: z.object({ base: faults, head: faults, isHeadWorse: z.boolean() }).optional(),
  unmeasured: text.optional(),
  results: z.object({ base: resultSchema, head: resultSchema }).nullable(),
});

const confirmed = z.object({
  scenario: text,
  name: z.enum(METRIC_NAMES),
  label: text,
  moreIsBetter: z.boolean(),
  ratio: figure,
  isConfirmed: z.boolean(),
});

const comparison = z.object({
  schema: z.literal(COMPARISON_SCHEMA),
  startedAt: z.iso.datetime(),
  base: text,
  head: text,
  verdict,
  reasons: z.array(text).max(500),
  alpha: z.number().gt(0).lt(1),
  scenarios: z.array(scenario).min(1).max(50),
  confirmation: z
    .object({ pairs: z.int(), elapsedS: z.number(), isConfirmed: z.boolean(), metrics: z.array(confirmed).max(500) })
    .nullable(),
  elapsedS: z.number(),
});

/** Checks that `value` is a whole comparison and returns it typed. `source` (a file name) is named in the error.
 *  @throws FanwireError FANWIRE_COMPARISON_INVALID */
export function validateComparison(value: unknown, source: string): Comparison {
  const parsed = comparison.safeParse(value);
  if (parsed.success) return value as Comparison;
  const issue = parsed.error.issues[0];
  const where = issue === undefined || issue.path.length === 0 ? 'the top level' : issue.path.join('.');
  throw invalid(source, `${where}: ${issue?.message ?? 'unknown problem'}`);
}

/** @throws FanwireError FANWIRE_COMPARISON_INVALID for a file that cannot be read or is none */
export function readComparison(file: string): Comparison {
  let value: unknown;
  try {
    value = readJsonFile(file);
  } catch (error) {
    throw invalid(file, (error as Error).message);
  }
  return validateComparison(value, file);
}

function invalid(source: string, problem: string): FanwireError {
  return new FanwireError('FANWIRE_COMPARISON_INVALID', `${source} is no ${COMPARISON_SCHEMA}: ${problem}`);
}
