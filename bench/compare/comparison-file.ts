// A comparison read back from its JSON file, checked before anything is made of it.

import { z } from 'zod';
import { FanwireError } from '../../src/base/error.js';
import { readJsonFile } from '../../src/base/json-file.js';
import { VERDICTS } from './budget.js';
import { COMPARISON_SCHEMA, type Comparison } from './comparison.js';
import { METRIC_NAMES } from './metrics.js';

const verdict = z.enum(VERDICTS);
const ratio = z.number().positive();
const interval = z.object({ ratio, low: ratio, high: ratio }).nullable();
const side = z.object({
  host: z.object({ cpu: z.string(), cores: z.number(), node: z.string(), kernel: z.string() }),
});

const metric = z.object({
  name: z.enum(METRIC_NAMES),
  label: z.string(),
  unit: z.enum(['ms', '/s', 'CPU s per million', 'instructions', 'bytes']),
  loop: z.enum(['connecting', 'open loop', 'closed loop']),
  moreIsBetter: z.boolean(),
  base: z.number().nullable(),
  head: z.number().nullable(),
  ratio: ratio.nullable(),
  interval,
  familyInterval: interval,
  pairRatios: z.array(ratio.nullable()),
  budget: z.number().nonnegative(),
  isGate: z.boolean(),
  verdict,
  wouldCatch: z.number().nullable(),
  decidedInS: z.number().nullable(),
});

const scenario = z.object({
  name: z.string().min(1),
  verdict,
  metrics: z.array(metric),
  pairs: z.int().nonnegative(),
  discarded: z.array(z.string()),
  scaled: z.string().optional(),
  unmeasured: z.string().optional(),
  results: z.looseObject({ base: side.loose(), head: side.loose() }).nullable(),
});

const functions = z.array(z.object({ name: z.string(), baseNs: z.number(), headNs: z.number() }));

/** What every reader of a comparison relies on; further fields are passed through unread. */
export const comparisonSchema = z.looseObject({
  schema: z.literal(COMPARISON_SCHEMA),
  startedAt: z.iso.datetime(),
  base: z.string(),
  head: z.string(),
  verdict,
  reasons: z.array(z.string()),
  alpha: z.number(),
  scenarios: z.array(scenario.loose()).min(1),
  confirmation: z.looseObject({ isConfirmed: z.boolean() }).nullable(),
  elapsedS: z.number(),
  why: z.looseObject({ functions, native: z.looseObject({ functions }).optional() }).optional(),
});

/** @throws FanwireError FANWIRE_USAGE_COMPARISON_FILE for a file that cannot be read or is none, in one line */
export function readComparison(file: string): Comparison {
  const refuse = (why: string): never => {
    throw new FanwireError('FANWIRE_USAGE_COMPARISON_FILE', `${file} ${why}; write one with fanwire compare --json`);
  };
  let content: unknown;
  try {
    content = readJsonFile(file);
  } catch (error) {
    return refuse(`cannot be read: ${(error as Error).message}`);
  }
  const schema = (content as { schema?: unknown } | null)?.schema;
  if (schema !== COMPARISON_SCHEMA) {
    return refuse(`is no ${COMPARISON_SCHEMA}${typeof schema === 'string' ? `, it says ${schema.slice(0, 60)}` : ''}`);
  }
  const { success, error, data } = comparisonSchema.safeParse(content);
  if (success) return data as unknown as Comparison;
  const [issue] = error.issues;
  return refuse(`is no whole ${COMPARISON_SCHEMA}: ${issue?.path.join('.')} ${issue?.message}`);
}
