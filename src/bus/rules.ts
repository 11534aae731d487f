// The options that should be the same on all nodes of a cluster: how a node announces them, and where two nodes differ.
import { z } from 'zod';
import { type DeliverRule, parseDeliverRules } from '../config/deliver-rules.js';
import type { HistoryRule } from '../config/history-rules.js';
import { parseHistoryRules } from '../config/history-rules.js';
import type { RelayConfig } from '../config/schema.js';
import { type KeptRule, keptRules, parseStateRules, type StateRule } from '../config/state-rules.js';
import { ruleFor } from '../config/topic-rules.js';

const HISTORY_RULE = z.object({
  pattern: z.string(),
  maxMessages: z.number(),
  ttlMs: z.number(),
  maxBytes: z.number(),
});

const STATE_RULE = z.object({ pattern: z.string(), maxKeys: z.number(), ttlMs: z.number() });

const RULES = z.object({
  history: z.array(HISTORY_RULE),
  historyMaxBytes: z.number(),
  historyReplicas: z.number(),
  presence: z.array(z.string()),
  // Versions without --state do not send these.
  state: z.array(STATE_RULE).default([]),
  stateMaxBytes: z.number().default(0),
  newestBy: z.array(z.string()).default([]),
});

/** What a node says of itself. Later versions may add fields. */
export const ANNOUNCEMENT = z.object({
  /** Identifies the node: no two nodes ever have the same. */
  node: z.string().max(64),
  /** For people: its host and port. */
  name: z.string().max(200),
  version: z.string().max(40),
  /** How the ids of its connections begin: one prefix for each of its relays that is alive. */
  origins: z.array(z.string()),
  rules: RULES,
  /** The node is ending, and this is its last announcement. */
  bye: z.boolean().optional(),
});

export type Announcement = z.output<typeof ANNOUNCEMENT>;
export interface NodeRules {
  readonly history: readonly HistoryRule[];
  readonly historyMaxBytes: number;
  readonly historyReplicas: number;
  readonly presence: readonly string[];
  readonly state: readonly StateRule[];
  readonly stateMaxBytes: number;
  /** The modes of --deliver, as `pattern=mode`: they decide which keys a state has. */
  readonly newestBy: readonly string[];
}

/** All rules by which a node keeps topics. A --state rule that a --history rule covers is left out:
 *  keptRules would throw for it, and another node may announce one. */
export function keptBy({ history, state }: Pick<NodeRules, 'history' | 'state'>): readonly KeptRule[] {
  const apart = state.filter(({ pattern }) => ruleFor(history, pattern) === undefined);
  return keptRules(history, apart);
}

type Compared = 'history' | 'historyMaxBytes' | 'historyReplicas' | 'presence' | 'state' | 'stateMaxBytes' | 'deliver';

/** @throws FanwireError FANWIRE_CONFIG_HISTORY, FANWIRE_CONFIG_STATE, FANWIRE_CONFIG_DELIVER */
export function rulesOf(config: Pick<RelayConfig, Compared>): NodeRules {
  const { historyMaxBytes, historyReplicas, presence, stateMaxBytes } = config;
  return {
    history: parseHistoryRules(config.history),
    historyMaxBytes,
    historyReplicas,
    presence: [...presence].sort(),
    state: parseStateRules(config.state),
    stateMaxBytes,
    newestBy: parseDeliverRules(config.deliver).map(shownMode),
  };
}

/** The options that are compared. */
export const COMPARED = [
  'history',
  'history-max-bytes',
  'history-replicas',
  'presence',
  'state',
  'state-max-bytes',
  'deliver',
] as const;

/** One option in which another node differs from this one. */
export interface OptionDifference {
  /** The flag. */
  readonly option: (typeof COMPARED)[number];
  /** The other node. */
  readonly node: string;
  readonly here: string;
  readonly there: string;
}

/** @param node the other node's name, as people read it */
export function differencesOf(here: NodeRules, there: NodeRules, node: string): OptionDifference[] {
  const keepsAny = here.history.length > 0 && there.history.length > 0;
  const keepStates = here.state.length > 0 && there.state.length > 0;
  const options: [OptionDifference['option'], (rules: NodeRules) => string, boolean][] = [
    ['history', ({ history }) => history.map(shownRule).join(';'), true],
    ['history-max-bytes', ({ historyMaxBytes }) => String(historyMaxBytes), keepsAny],
    ['history-replicas', ({ historyReplicas }) => String(historyReplicas), keepsAny],
    ['presence', ({ presence }) => presence.join(','), true],
    ['state', ({ state }) => state.map(shownState).join(';'), true],
    ['state-max-bytes', ({ stateMaxBytes }) => String(stateMaxBytes), keepStates],
    ['deliver', ({ newestBy }) => newestBy.join(';'), keepStates],
  ];
  return options.flatMap(([option, read, counts]) =>
    counts && read(here) !== read(there) ? [{ option, node, here: read(here), there: read(there) }] : [],
  );
}

function shownRule({ pattern, maxMessages, ttlMs, maxBytes }: HistoryRule): string {
  return `${pattern}=${maxMessages},${ttlMs}ms,${maxBytes}`;
}

function shownState({ pattern, maxKeys, ttlMs }: StateRule): string {
  return `${pattern}=${maxKeys}${ttlMs === 0 ? '' : `,${ttlMs}ms`}`;
}

function shownMode({ pattern, mode, separator }: DeliverRule): string {
  return `${pattern}=${mode}${separator === undefined ? '' : `:${separator}`}`;
}
