// A comparison that a stranger may have written: of the schema, and of no more than modest size anywhere.

import { FanwireError } from '../../../src/base/error.js';
import type { Comparison } from '../comparison.js';
import { comparisonSchema } from '../comparison-file.js';

/** Long enough for any branch name and reason. */
const TEXT = 2_000;
/** An encoded HdrHistogram of any run is a tenth of it. */
const HISTOGRAM = 1 << 20;
const ENTRIES = 10_000;
const SCENARIOS = 50;

/** @throws FanwireError FANWIRE_COMMENT_ARTIFACT */
export function comparisonOfStranger(value: unknown, name: string): Comparison {
  const immodest = findImmodest(value, '');
  if (immodest !== undefined) throw refuse(`${name}: ${immodest}`);
  const { success, error, data } = comparisonSchema.safeParse(value);
  if (success && data.scenarios.length <= SCENARIOS) return data as unknown as Comparison;
  const [issue] = error?.issues ?? [];
  throw refuse(`${name}: ${issue?.path.join('.') ?? 'scenarios'}: ${issue?.message ?? 'too many'}`);
}

/** Where `value` has more than any comparison has. JSON.parse keeps nesting within what its own stack holds. */
function findImmodest(value: unknown, path: string): string | undefined {
  if (typeof value === 'string') {
    const most = path.endsWith('.histogram') ? HISTOGRAM : TEXT;
    return value.length > most ? `${path.slice(1, 60)}: ${value.length} characters` : undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const entries = Object.entries(value);
  if (entries.length > ENTRIES) return `${path.slice(1, 60)}: ${entries.length} entries`;
  for (const [key, inner] of entries) {
    const found = path.length > TEXT ? 'nested too deep' : findImmodest(inner, `${path}.${key}`);
    if (found !== undefined) return found;
  }
  return undefined;
}

function refuse(why: string): FanwireError {
  return new FanwireError('FANWIRE_COMMENT_ARTIFACT', why);
}
