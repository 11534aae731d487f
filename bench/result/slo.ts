// An objective such as `p99<20ms,loss==0`: parsed from text, then checked against a result.

import { FanwireError } from '../../src/base/error.js';
import { isLatency, readSlo, SLO_FORMS, type Term } from '../k6/lib/slo.js';
import { decodeHistogram, enoughSamples, percentileMs } from '../measure/histogram.js';
import type { Result } from './result.js';
import { publishesFor } from './validity.js';

/** One condition of an objective. */
export type SloTerm = Term;

const compare: Readonly<Record<Term['op'], (a: number, b: number) => boolean>> = {
  '<': (a, b) => a < b,
  '<=': (a, b) => a <= b,
  '==': (a, b) => a === b,
  '>=': (a, b) => a >= b,
  '>': (a, b) => a > b,
};

/** Reads an objective: terms separated by commas, all of which must hold.
 *  @throws FanwireError FANWIRE_USAGE_SLO */
export function parseSlo(text: string): SloTerm[] {
  const terms = readSlo(text);
  if (typeof terms === 'string') {
    throw new FanwireError('FANWIRE_USAGE_SLO', `--slo term "${terms}" is not understood: ${SLO_FORMS}`);
  }
  if (terms.length === 0) throw new FanwireError('FANWIRE_USAGE_SLO', `--slo is empty: ${SLO_FORMS}`);
  return terms;
}

/** The terms that `result` misses, each with the measured value; empty when the objective holds. A term about a
 *  percentile that was not measured counts as missed. */
export function missedTerms(terms: readonly SloTerm[], result: Result): string[] {
  return terms.flatMap((term) => {
    const measured = measure(term, result);
    if (measured !== null && compare[term.op](measured, term.value)) return [];
    return [withMeasured(term, result)];
  });
}

/** Such as "p99<1ms (measured 9.6 ms)". */
export function withMeasured(term: SloTerm, result: Result): string {
  const measured = measure(term, result);
  return `${term.text} (measured ${measured === null ? 'nothing' : withUnit(term, measured)})`;
}

/** Such as "9.6 ms", "0.12 %" or "12": in the unit of the term. */
function withUnit({ unit }: SloTerm, measured: number): string {
  const figure = Number(measured.toPrecision(4));
  return unit === '' ? String(figure) : `${figure} ${unit}`;
}

/** Whether the result misses a term for a reason that no delay can explain, such as a latency that is too *small* or a
 *  message that arrived twice. */
export function isMissedForCertain(terms: readonly SloTerm[], result: Result): boolean {
  const certain = terms.filter(({ metric, op }) => {
    if (isLatency(metric)) return op === '>' || op === '>=';
    if (metric === 'deliveries/s') return op === '<' || op === '<=';
    return metric !== 'loss';
  });
  return missedTerms(certain, result).length > 0;
}

/** The highest percentile in an objective; undefined if it has none. */
export function highestPercentile(terms: readonly SloTerm[]): number | undefined {
  const named = terms.flatMap(({ metric }) => {
    const percentile = /^(?:staleness\.)?p([\d.]+)$/.exec(metric)?.[1];
    return percentile === undefined ? [] : Number(percentile);
  });
  return named.length === 0 ? undefined : Math.max(...named);
}

/** In the term's unit; null where it was not measured or there are too few samples. */
function measure({ metric, unit }: SloTerm, result: Result): number | null {
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
      return unit === '%' ? (100 * result.lost) / Math.max(1, result.expected) : result.lost;
    case 'failed':
      return result.connections.failed;
    case 'deliveries/s':
      return result.deliveriesPerSecond;
    case 'duplicated':
    case 'outOfOrder':
      return result[metric];
    case 'p50':
    case 'p90':
    case 'p99':
    case 'mean':
    case 'max':
      return latencyMs[metric];
    default:
      return otherPercentile(Number(metric.slice(1)), result);
  }
}

/** A percentile that is no field of the result, from its histogram. */
function otherPercentile(at: number, { latencyMs, published }: Result): number | null {
  const histogram = decodeHistogram(latencyMs.histogram);
  const canState = enoughSamples(histogram.totalCount, at) && published >= publishesFor(at);
  return canState ? percentileMs(histogram, at) : null;
}
