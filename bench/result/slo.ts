// An objective such as `p99<20ms,loss==0`: read from text, judged against a result.

import { FanwireError } from '../../src/protocol/codes.js';
import type { Result } from './result.js';

/** One condition of an objective, with times in ms and shares as fractions. */
export interface SloTerm {
  /** As written, for messages. */
  readonly text: string;
  readonly metric: string;
  readonly isShare: boolean;
  readonly op: Operator;
  readonly value: number;
}

type Operator = '<' | '<=' | '==' | '>=' | '>';

const TERM =
  /^(p50|p90|p99|p99\.9|p99\.99|mean|max|loss|duplicated|outOfOrder|failed|deliveries\/s)(<=|>=|==|<|>)(\d+(?:\.\d+)?)(us|ms|s|%)?$/;
const FORMS =
  'use p50, p90, p99, p99.9, p99.99, mean or max with us, ms or s; loss (a count, or %), duplicated, outOfOrder, failed, deliveries/s: p99<20ms,loss==0';
const MS_PER_UNIT: Readonly<Record<string, number>> = { us: 0.001, ms: 1, s: 1000 };

const compare: Readonly<Record<Operator, (a: number, b: number) => boolean>> = {
  '<': (a, b) => a < b,
  '<=': (a, b) => a <= b,
  '==': (a, b) => a === b,
  '>=': (a, b) => a >= b,
  '>': (a, b) => a > b,
};

/** Reads an objective: terms separated by commas, all of which must hold.
 *  @throws FanwireError FANWIRE_USAGE_SLO */
export function parseSlo(text: string): SloTerm[] {
  const terms = text
    .split(',')
    .map((term) => term.replace(/\s+/g, ''))
    .filter((term) => term !== '');
  if (terms.length === 0) throw new FanwireError('FANWIRE_USAGE_SLO', `--slo is empty: ${FORMS}`);
  return terms.map(parseTerm);
}

function parseTerm(text: string): SloTerm {
  const match = TERM.exec(text);
  const [, metric = '', op = '', digits = '', unit = ''] = match ?? [];
  const isTime = /^(p\d|mean|max)/.test(metric);
  const unitFits = isTime ? unit in MS_PER_UNIT : unit === '' || (unit === '%' && metric === 'loss');
  if (match === null || !unitFits) {
    throw new FanwireError('FANWIRE_USAGE_SLO', `--slo term "${text}" is not understood: ${FORMS}`);
  }
  const factor = unit === '%' ? 0.01 : (MS_PER_UNIT[unit] ?? 1);
  return { text, metric, isShare: unit === '%', op: op as Operator, value: Number(digits) * factor };
}

/** The terms that `result` misses, each with what it measured; empty when the objective holds. A percentile that was not
 *  measured misses every objective about it. */
export function missedTerms(terms: readonly SloTerm[], result: Result): string[] {
  return terms.flatMap((term) => {
    const measured = measure(term, result);
    if (measured !== null && compare[term.op](measured, term.value)) return [];
    return [`${term.text} (measured ${measured === null ? 'nothing' : Number(measured.toPrecision(4))})`];
  });
}

function measure({ metric, isShare }: SloTerm, result: Result): number | null {
  const { latencyMs } = result;
  switch (metric) {
    case 'p99.9':
      return latencyMs.p999;
    case 'p99.99':
      return latencyMs.p9999;
    case 'loss':
      return isShare ? result.lost / Math.max(1, result.expected) : result.lost;
    case 'failed':
      return result.connections.failed;
    case 'deliveries/s':
      return result.deliveriesPerSecond;
    case 'duplicated':
    case 'outOfOrder':
      return result[metric];
    default:
      return latencyMs[metric as 'p50' | 'p90' | 'p99' | 'mean' | 'max'];
  }
}
