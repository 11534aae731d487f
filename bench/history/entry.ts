// One entry of the history, `fanwire.history/1`: what one job measured of one commit, as ratios to a pinned anchor
// build that it played in the same job. Absolute figures of different machines are no series; their ratios are.

import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { Comparison } from '../compare/comparison.js';
import { METRIC_NAMES } from '../compare/metrics.js';

export const HISTORY_SCHEMA = 'fanwire.history/1';

const ratio = z.number().positive();

export const entrySchema = z.object({
  schema: z.literal(HISTORY_SCHEMA),
  /** Of the comparison's content: the same one is not added twice. */
  id: z.string().min(1),
  at: z.iso.datetime(),
  /** What was judged: its commit where the comparison names one, else what the comparison called it. */
  commit: z.string().min(1),
  anchor: z.string().min(1),
  host: z.object({ cpu: z.string(), cores: z.number(), node: z.string(), kernel: z.string() }),
  points: z.array(
    z.object({
      scenario: z.string().min(1),
      metric: z.enum(METRIC_NAMES),
      label: z.string(),
      moreIsBetter: z.boolean(),
      isGate: z.boolean(),
      ratio,
      low: ratio.nullable(),
      high: ratio.nullable(),
      pairs: z.int().positive(),
    }),
  ),
});

export type HistoryEntry = z.infer<typeof entrySchema>;

/** The commit in a side's label such as `main (1a2b3c4d5)`; the label itself where there is none. */
export function commitIn(label: string): string {
  // In the brackets first: a tag may be a date, which looks like a commit.
  const [, inBrackets] = /\(([0-9a-f]{7,40})( with changes: [^()]*)?\)$/.exec(label) ?? [];
  if (inBrackets !== undefined) return inBrackets;
  return /\b(?=[0-9a-f]*\d)[0-9a-f]{7,40}\b/.exec(label)?.[0] ?? label;
}

/** `commit`: what was judged, where the comparison cannot tell. Null when the comparison measured nothing. */
export function entryOf(comparison: Comparison, commit?: string): HistoryEntry | null {
  const host = comparison.scenarios.find(({ results }) => results !== null)?.results?.head.host;
  const points = comparison.scenarios.flatMap(({ name, metrics, pairs }) =>
    metrics.flatMap((metric) => {
      if (metric.ratio === null || pairs === 0) return [];
      const { low = null, high = null } = metric.interval ?? {};
      const { label, moreIsBetter, isGate, ratio } = metric;
      return [{ scenario: name, metric: metric.name, label, moreIsBetter, isGate, ratio, low, high, pairs }];
    }),
  );
  if (host === undefined || points.length === 0) return null;
  const { startedAt, base, head } = comparison;
  const { cpu, cores, node, kernel } = host;
  const entry = {
    at: startedAt,
    commit: commit ?? commitIn(head),
    anchor: commitIn(base),
    host: { cpu, cores, node, kernel },
    points,
  };
  const id = createHash('sha256').update(JSON.stringify(entry)).digest('hex').slice(0, 16);
  return { schema: HISTORY_SCHEMA, id, ...entry };
}
