// An objective such as `p99<20ms,loss==0`: read from text, judged against a result.

import { FanwireError } from '../../src/base/error.js';
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
  /^(p50|p90|p99|p99\.9|p99\.99|mean|max|staleness\.p50|staleness\.p99|staleness\.max|loss|duplicated|outOfOrder|failed|deliveries\/s)(<=|>=|==|<|>)(\d+(?:\.\d+)?)(us|ms|s|%|k)?$/;
const FORMS =
  'use p50, p90, p99, p99.9, p99.99, mean, max, staleness.p50, staleness.p99 or staleness.max with us, ms or s; loss (a count, or %), duplicated, outOfOrder, failed, deliveries/s: p99<20ms,loss==0';
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
  const unitFits = isTime(metric)
    ? unit in MS_PER_UNIT
    : unit === '' || unit === 'k' || (unit === '%' && metric === 'loss');
  if (match === null || !unitFits) {
    throw new FanwireError('FANWIRE_USAGE_SLO', `--slo term "${text}" is not understood: ${FORMS}`);
  }
  const factor = unit === '%' ? 0.01 : unit === 'k' ? 1000 : (MS_PER_UNIT[unit] ?? 1);
  return { text, metric, isShare: unit === '%', op: op as Operator, value: Number(digits) * factor };
}

/** The terms that `result` misses, each with what it measured; empty when the objective holds. A percentile that was
 *  not measured misses every objective about it. */
export function missedTerms(terms: readonly SloTerm[], result: Result): string[] {
  return terms.flatMap((term) => {
    const measured = measure(term, result);
    if (measured !== null && compare[term.op](measured, term.value)) return [];
    return [withMeasured(term, result)];
  });
}

/** "p99<1ms (measured 9.6 ms)". */
export function withMeasured(term: SloTerm, result: Result): string {
  const measured = measure(term, result);
  return `${term.text} (measured ${measured === null ? 'nothing' : withUnit(term, measured)})`;
}

/** "9.6 ms", "0.12 %", "12": as the term itself is written. */
function withUnit({ metric, isShare }: SloTerm, measured: number): string {
  if (isShare) return `${Number((measured * 100).toPrecision(4))} %`;
  const figure = Number(measured.toPrecision(4));
  return isTime(metric) ? `${figure} ms` : String(figure);
}

/** Whether a generator that is late can only make `result` look worse than the server is, for every one of `terms`:
 *  latencies it stretches, throughput it holds back, and what it counts it counts right. An objective that holds then,
 *  holds. */
export function areBoundedByDelay(terms: readonly SloTerm[]): boolean {
  return terms.every(({ metric, op }) => {
    if (isTime(metric)) return op === '<' || op === '<=';
    return metric !== 'deliveries/s' || op === '>' || op === '>=';
  });
}

/** Whether a term of the objective is missed whose miss no delay can explain: a latency that is too *small*, a message
 *  that came twice. */
export function isMissedForCertain(terms: readonly SloTerm[], result: Result): boolean {
  const certain = terms.filter(({ metric, op }) => {
    if (isTime(metric)) return op === '>' || op === '>=';
    if (metric === 'deliveries/s') return op === '<' || op === '<=';
    return metric !== 'loss';
  });
  return missedTerms(certain, result).length > 0;
}

/** The highest percentile (50 to 99.99) that an objective speaks about; undefined when it speaks about none. */
export function highestPercentile(terms: readonly SloTerm[]): number | undefined {
  const named = terms.flatMap(({ metric }) => {
    const percentile = /^(?:staleness\.)?p([\d.]+)$/.exec(metric)?.[1];
    return percentile === undefined ? [] : Number(percentile);
  });
  return named.length === 0 ? undefined : Math.max(...named);
}

function isTime(metric: string): boolean {
  return /^(p\d|mean|max|staleness)/.test(metric);
}

function measure({ metric, isShare }: SloTerm, result: Result): number | null {
  const { latencyMs } = result;
  switch (metric) {
    case 'p99.9':
      return latencyMs.p999;
    case 'p99.99':
      return latencyMs.p9999;
    case 'staleness.p50':
      return result.staleness?.p50 ?? null;
    case 'staleness.p99':
      return result.staleness?.p99 ?? null;
    case 'staleness.max':
      return result.staleness?.max ?? null;
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
