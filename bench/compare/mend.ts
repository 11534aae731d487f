// The command to paste after a comparison that came to no verdict.

import { mendedCommand, withFlags } from '../run/mend.js';
import type { Plan } from '../scenarios/scenario.js';
import { type Comparison, gatesOfAll } from './comparison.js';
import { decidableBudgets, minutesToTell } from './report-text.js';

/** A comparison as it was asked for. */
export interface AskedComparison {
  /** What this process was given after `fanwire`. */
  readonly args: readonly string[];
  /** Of its only scenario; undefined: a suite, which says itself what is played. */
  readonly plan: Plan | undefined;
  readonly maxMinutes: number;
}

const LAUNCHER = 'npx fanwire';
/** More time is twice the time. */
const LONGER = 2;

/** The command to try after every pair was discarded for `reason`. Undefined where no flag helps, since the server
 *  itself fails. */
export function mendOfInvalid(reason: string, { args, plan, maxMinutes }: AskedComparison): string | undefined {
  if (/server failed/.test(reason)) return undefined;
  // A baseline was measured with one load, so no other load can be proposed.
  if (args.some((arg) => arg.startsWith('--baseline'))) return withFlags(args, {}, LAUNCHER);
  if (plan === undefined) return withFlags(args, { 'max-minutes': String(maxMinutes * LONGER) }, LAUNCHER);
  const unjudged = { invalidReasons: [reason], params: { ...plan }, engine: 'native', generator: { cpu: 1 } } as const;
  return mendedCommand(unjudged, args, LAUNCHER);
}

/** The command to try where a gate is undecided. */
export function mendOfUndecided(comparison: Comparison, { args, maxMinutes }: AskedComparison): string | undefined {
  if (!gatesOfAll(comparison).some(({ gate }) => gate.verdict === 'inconclusive')) return undefined;
  const budget = decidableBudgets(comparison);
  if (budget !== undefined) return withFlags(args, { budget }, LAUNCHER);
  const minutes = minutesToTell(comparison) ?? Math.ceil(maxMinutes * LONGER);
  // A fixed number of pairs would override the time limit.
  const isFixed = args.some((arg) => arg.startsWith('--pairs'));
  return withFlags(args, { 'max-minutes': String(minutes), ...(isFixed && { pairs: 'auto' }) }, LAUNCHER);
}
