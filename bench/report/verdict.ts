// What a run says at first sight: invalid, failed or good, in one headline and the reasons below it.

import { formatCount } from '../../src/base/page/format.js';
import type { Result } from '../result/result.js';
import { missedTerms, parseSlo, type SloTerm } from '../result/slo.js';
import { isServersFault } from '../result/validity.js';

export interface RunVerdict {
  readonly kind: 'good' | 'failed' | 'invalid';
  readonly headline: string;
  readonly reasons: readonly string[];
  /** What went wrong beside the objective. */
  readonly faults: readonly string[];
}

/** Judges one result: what the server did wrong whatever the generator did comes first, then validity, then its
 *  objective (`params.slo`), then whether every message arrived once, in order, on every connection asked for. What the
 *  objective itself speaks about, such as `loss<1%`, is left to it. */
export function judge(result: Result): RunVerdict {
  const slo = typeof result.params.slo === 'string' ? result.params.slo : undefined;
  const terms = slo === undefined ? [] : readObjective(slo);
  const leftToObjective = new Set((terms ?? []).map((term) => term.metric));
  const faults = [
    ...faultsOf(result, leftToObjective).map(capital),
    ...(result.valid ? losses(result, leftToObjective) : []),
  ];
  if (!result.valid && faults.length === 0) {
    const headline = 'Invalid run: no figure of it is the server’s';
    return { kind: 'invalid', headline, reasons: result.invalidReasons, faults };
  }
  if (terms === undefined) return { kind: 'failed', headline: `Objective not understood: ${slo}`, reasons: [], faults };
  const missed = result.valid ? missedTerms(terms, result).map((term) => `Objective missed: ${term}`) : [];
  const [headline, ...reasons] = [...missed, ...faults, ...result.invalidReasons];
  if (headline !== undefined) return { kind: 'failed', headline, reasons, faults };
  const held = slo === undefined ? '' : `Objective held${upTo(result)} (${slo}). `;
  return { kind: 'good', headline: held + praise(result), reasons: result.remarks ?? [], faults };
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

/** What the server did wrong whatever the generator did: it ended, it closed connections, it refused some. */
function faultsOf(result: Result, leftToObjective: ReadonlySet<string>): string[] {
  const faults = [...(result.serverFaults ?? [])];
  const { failed, requested, failures = [] } = result.connections;
  // A handshake that a busy generator gave up on may be the generator's doing.
  const refused = failures.filter(
    ({ reason }) => isServersFault(reason) && (result.valid || !/no handshake|timed out/.test(reason)),
  );
  const count = failures.length === 0 ? failed : refused.reduce((sum, one) => sum + one.count, 0);
  if (count > 0 && !leftToObjective.has('failed')) {
    const reasons = refused.map((one) => `${formatCount(one.count)} × ${one.reason}`).join(', ');
    faults.push(
      `${formatCount(count)} of ${formatCount(requested)} connections failed${reasons === '' ? '' : ` (${reasons})`}`,
    );
  }
  // Idle connections lose no message, so only this shows that they were closed. Results before 1.0 have nothing but
  // this parameter.
  const { closedByServer } = result.params;
  if (result.serverFaults === undefined && closedByServer !== undefined) {
    faults.push(`Connections closed by the server (${closedByServer})`);
  }
  return faults;
}

function losses({ lost, duplicated, outOfOrder, expected }: Result, leftToObjective: ReadonlySet<string>): string[] {
  const rules: readonly (readonly [string, number, string])[] = [
    ['loss', lost, `of ${formatCount(expected)} deliveries lost`],
    ['duplicated', duplicated, 'deliveries came twice'],
    ['outOfOrder', outOfOrder, 'deliveries out of order'],
  ];
  return rules.flatMap(([metric, count, text]) =>
    count > 0 && !leftToObjective.has(metric) ? [`${formatCount(count)} ${text}`] : [],
  );
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** undefined: whoever wrote the result had an objective that this version cannot read. */
function readObjective(slo: string): SloTerm[] | undefined {
  try {
    return parseSlo(slo);
  } catch {
    return undefined;
  }
}
