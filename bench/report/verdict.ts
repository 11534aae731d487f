// What a run says at first sight: invalid, failed or good, in one headline and the reasons below it.

import { formatCount } from '../../src/base/page/format.js';
import type { Result } from '../result/result.js';
import { missedTerms, parseSlo, type SloTerm } from '../result/slo.js';

export interface Verdict {
  readonly kind: 'good' | 'failed' | 'invalid';
  readonly headline: string;
  readonly reasons: readonly string[];
}

/** Judges one result: validity first, then its objective (`params.slo`), then whether every message arrived once, in order, on every
 *  connection asked for. What the objective itself speaks about, such as `loss<1%`, is left to it. */
export function judge(result: Result): Verdict {
  if (!result.valid) {
    return {
      kind: 'invalid',
      headline: 'Invalid run: no figure of it is the server’s',
      reasons: result.invalidReasons,
    };
  }
  const slo = typeof result.params.slo === 'string' ? result.params.slo : undefined;
  const terms = slo === undefined ? [] : readObjective(slo);
  if (terms === undefined) return { kind: 'failed', headline: `Objective not understood: ${slo}`, reasons: [] };
  const missed = missedTerms(terms, result).map((term) => `Objective missed: ${term}`);
  const reasons = [...missed, ...failures(result, new Set(terms.map((term) => term.metric)))];
  if (reasons.length > 0) return { kind: 'failed', headline: reasons[0] ?? '', reasons: reasons.slice(1) };
  const held = slo === undefined ? '' : `Objective held${upTo(result)} (${slo}). `;
  return { kind: 'good', headline: held + praise(result), reasons: [] };
}

/** What a search is run for: the highest of its steps that held, where another did not. */
function upTo({ steps = [] }: Result): string {
  const held = steps.filter((step) => step.held === true).sort((a, b) => b.value - a.value)[0];
  return held !== undefined && steps.some((step) => step.held === false) ? ` up to ${held.label}` : '';
}

function praise({ expected, lost }: Result): string {
  if (expected === 0) return 'Every connection opened';
  return `${lost === 0 ? 'Nothing lost' : `${formatCount(lost)} lost`}, nothing twice, all in order`;
}

function failures(result: Result, leftToObjective: ReadonlySet<string>): string[] {
  const { lost, duplicated, outOfOrder, connections } = result;
  const rules: readonly (readonly [string, number, string])[] = [
    ['loss', lost, `of ${formatCount(result.expected)} deliveries lost`],
    ['duplicated', duplicated, 'deliveries came twice'],
    ['outOfOrder', outOfOrder, 'deliveries out of order'],
    ['failed', connections.failed, `of ${formatCount(connections.requested)} connections failed`],
  ];
  const counted = rules.flatMap(([metric, count, text]) =>
    count > 0 && !leftToObjective.has(metric) ? [`${formatCount(count)} ${text}`] : [],
  );
  // Idle ones lose no message, so nothing else would tell.
  const { closedByServer } = result.params;
  return closedByServer === undefined ? counted : [...counted, `Connections closed by the server (${closedByServer})`];
}

/** undefined: whoever wrote the result had an objective that this version cannot read. */
function readObjective(slo: string): SloTerm[] | undefined {
  try {
    return parseSlo(slo);
  } catch {
    return undefined;
  }
}
