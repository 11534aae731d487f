// What a run was asked, term by term, beside what it measured.

import type { Result } from '../result/result.js';
import { missedTerms, parseSlo, type SloTerm, withMeasured } from '../result/slo.js';

/** "objective: p99<50ms (measured 9.6 ms) ✓, loss==0 (measured 0) ✓"; undefined without one, or where it is not
 *  understood. */
export function objectiveLine(result: Result): string | undefined {
  const { slo } = result.params;
  if (typeof slo !== 'string') return undefined;
  let terms: SloTerm[];
  try {
    terms = parseSlo(slo);
  } catch {
    return undefined;
  }
  const parts = terms.map(
    (term) => `${withMeasured(term, result)} ${missedTerms([term], result).length === 0 ? '✓' : '✗'}`,
  );
  return `objective: ${parts.join(', ')}`;
}
