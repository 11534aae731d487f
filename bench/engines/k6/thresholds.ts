// Finds out which k6 thresholds were crossed, from the JSON that handleSummary wrote.

import { readFile } from 'node:fs/promises';

interface Summary {
  readonly metrics: Readonly<
    Record<string, { readonly thresholds?: Readonly<Record<string, { readonly ok: boolean }>> }>
  >;
}

/** The crossed thresholds, such as `fanwire_latency p(99)<50`; empty when all held. */
export async function crossedThresholds(summaryFile: string): Promise<string[]> {
  const { metrics } = JSON.parse(await readFile(summaryFile, 'utf8')) as Summary;
  return Object.entries(metrics).flatMap(([metric, { thresholds = {} }]) =>
    Object.entries(thresholds).flatMap(([expression, { ok }]) => (ok ? [] : [`${metric} ${expression}`])),
  );
}
