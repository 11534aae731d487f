// What a run says at first sight: invalid, failed or good, in one headline and the reasons below it.

import type { Result } from '../result.js';
import { formatCount } from './format.js';

export interface Verdict {
  readonly kind: 'good' | 'failed' | 'invalid';
  readonly headline: string;
  readonly reasons: readonly string[];
}

/** Scenarios that make the server drop on purpose: a loss is what they measure, not a failure. */
const LOSES_BY_DESIGN: ReadonlySet<string> = new Set(['slow-consumer']);

/** Judges one result: validity first, then whether every message arrived once, in order, on every connection asked for. */
export function judge(result: Result): Verdict {
  if (!result.valid) {
    return {
      kind: 'invalid',
      headline: 'Invalid run: no figure of it is the server’s',
      reasons: result.invalidReasons,
    };
  }
  const reasons = failures(result);
  if (reasons.length > 0) return { kind: 'failed', headline: reasons[0] ?? '', reasons: reasons.slice(1) };
  if (result.expected === 0) return { kind: 'good', headline: 'Every connection opened', reasons: [] };
  const lost = result.lost > 0 ? `${formatCount(result.lost)} lost by design` : 'Nothing lost';
  return { kind: 'good', headline: `${lost}, nothing twice, all in order`, reasons: [] };
}

function failures(result: Result): string[] {
  const of = `of ${formatCount(result.expected)} deliveries`;
  const failed = [];
  if (result.lost > 0 && !LOSES_BY_DESIGN.has(result.scenario)) failed.push(`${formatCount(result.lost)} ${of} lost`);
  if (result.duplicated > 0) failed.push(`${formatCount(result.duplicated)} deliveries came twice`);
  if (result.outOfOrder > 0) failed.push(`${formatCount(result.outOfOrder)} deliveries out of order`);
  if (result.connections.failed > 0) {
    const { failed: lost, requested } = result.connections;
    failed.push(`${formatCount(lost)} of ${formatCount(requested)} connections failed`);
  }
  return failed;
}
