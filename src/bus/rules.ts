// What must be equal over the nodes of a cluster, as each announces it, and where two nodes differ.
import { z } from 'zod';
import type { HistoryRule } from '../config/history-rules.js';
import { parseHistoryRules } from '../config/history-rules.js';
import type { RelayConfig } from '../config/schema.js';

const HISTORY_RULE = z.object({
  pattern: z.string(),
  maxMessages: z.number(),
  ttlMs: z.number(),
  maxBytes: z.number(),
});

const RULES = z.object({
  history: z.array(HISTORY_RULE),
  historyMaxBytes: z.number(),
  historyReplicas: z.number(),
  presence: z.array(z.string()),
});

/** What a node says of itself. Later versions may add fields. */
export const ANNOUNCEMENT = z.object({
  /** Differs between all nodes that ever were. */
  node: z.string().max(64),
  /** For people: its host and port. */
  name: z.string().max(200),
  version: z.string().max(40),
  /** Begin the ids of its connections: one for each relay of it that lives. */
  origins: z.array(z.string()),
  rules: RULES,
  /** It goes, and says nothing more. */
  bye: z.boolean().optional(),
});

export type Announcement = z.output<typeof ANNOUNCEMENT>;
export interface NodeRules {
  readonly history: readonly HistoryRule[];
  readonly historyMaxBytes: number;
  readonly historyReplicas: number;
  readonly presence: readonly string[];
}

/** @throws FanwireError FANWIRE_CONFIG_HISTORY */
export function rulesOf(
  config: Pick<RelayConfig, 'history' | 'historyMaxBytes' | 'historyReplicas' | 'presence'>,
): NodeRules {
  const { historyMaxBytes, historyReplicas, presence } = config;
  return {
    history: parseHistoryRules(config.history),
    historyMaxBytes,
    historyReplicas,
    presence: [...presence].sort(),
  };
}

/** The options that are compared. */
export const COMPARED = ['history', 'history-max-bytes', 'history-replicas', 'presence'] as const;

/** One option in which another node differs from this one. */
export interface Difference {
  /** The flag. */
  readonly option: (typeof COMPARED)[number];
  /** The other node. */
  readonly node: string;
  readonly here: string;
  readonly there: string;
}

/** @param node the other node, for people */
export function differencesOf(here: NodeRules, there: NodeRules, node: string): Difference[] {
  const keepsAny = here.history.length > 0 && there.history.length > 0;
  const options: [Difference['option'], (rules: NodeRules) => string, boolean][] = [
    ['history', ({ history }) => history.map(shownRule).join(';'), true],
    ['history-max-bytes', ({ historyMaxBytes }) => String(historyMaxBytes), keepsAny],
    ['history-replicas', ({ historyReplicas }) => String(historyReplicas), keepsAny],
    ['presence', ({ presence }) => presence.join(','), true],
  ];
  return options.flatMap(([option, read, counts]) =>
    counts && read(here) !== read(there) ? [{ option, node, here: read(here), there: read(there) }] : [],
  );
}

function shownRule({ pattern, maxMessages, ttlMs, maxBytes }: HistoryRule): string {
  return `${pattern}=${maxMessages},${ttlMs}ms,${maxBytes}`;
}
