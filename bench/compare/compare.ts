// A comparison from its first pair to its verdict: a session, and a second one where the first saw a small regression.

import { FanwireError } from '../../src/base/error.js';
import { COMPARISON_SCHEMA, type Comparison, type Confirmation, judgeWhole } from './comparison.js';
import { concludeAll } from './conclude.js';
import { CONFIRMATION_SHARE, confirm, type Suspect, toConfirm } from './confirm.js';
import { GateJudgement } from './gate-evidence.js';
import type { Pair, Run } from './metrics.js';
import { Patience } from './patience.js';
import { playSide } from './play.js';
import { ServerFaults } from './server-faults.js';
import { addPair, type PlayedScenario, playSession, type Rig, type SessionOptions, type Sides } from './session.js';
import { gateBudgets, type ScenarioSetup } from './setup.js';
import type { Side } from './side.js';
import { whyInvalid } from './valid-run.js';
import type { Why } from './why/difference.js';

export interface CompareOptions extends SessionOptions {
  /** Builds both sides anew for the second session. */
  readonly rebuild: () => Promise<Sides>;
  /** Whether a regression is played twice more with a profiler. */
  readonly asksWhy: boolean;
}

/** Plays pairs until decided.
 *  @throws FanwireError FANWIRE_COMPARE_INVALID when hardly any pair could be measured (exit code 3), and what a start
 *  throws */
export async function compare(options: CompareOptions): Promise<Comparison> {
  const startedAt = new Date();
  const { base, head } = options.sides;
  const labels = { base: base.label, head: head.label };
  const played = await playSession(options);
  const limitMs = options.pairs === undefined ? options.limitMs : Number.POSITIVE_INFINITY;
  const scenarios = concludeAll(played, labels, options.alpha, limitMs);
  const suspects = judgeWhole(scenarios, null).verdict === 'regressed' ? toConfirm(scenarios) : [];
  let confirmation: Confirmation | null = null;
  if (suspects.length > 0 && !losesMessages(scenarios)) {
    options.say(`a small regression of ${head.label}: a second session with fresh builds must confirm it`);
    confirmation = await confirmInTime(suspects, options, options.limitMs - (Date.now() - startedAt.getTime()));
  }
  const judged = judgeWhole(scenarios, confirmation);
  const elapsedS = Math.round((Date.now() - startedAt.getTime()) / 100) / 10;
  const why = judged.verdict === 'regressed' && options.asksWhy ? await whyOf(scenarios, options) : undefined;
  return {
    schema: COMPARISON_SCHEMA,
    startedAt: startedAt.toISOString(),
    ...labels,
    ...judged,
    alpha: options.alpha,
    scenarios,
    confirmation,
    ...(why !== undefined && { why }),
    elapsedS,
  };
}

/** Where the second session cannot be played, the regression that the first one saw is reported as not confirmed. */
async function confirmInTime(
  suspects: readonly Suspect[],
  options: CompareOptions,
  leftMs: number,
): Promise<Confirmation> {
  try {
    return await confirm(suspects, {
      ...options,
      sides: await options.rebuild(),
      limitMs: Math.max(leftMs, options.limitMs * CONFIRMATION_SHARE),
    });
  } catch (error) {
    if (options.signal.aborted || !(error instanceof FanwireError)) throw error;
    return { pairs: 0, elapsedS: 0, isConfirmed: false, failed: error.message, metrics: [] };
  }
}

/** Profiles the first scenario with a gate that has regressed. Undefined where there is none: messages were lost,
 *  which needs no profile. */
async function whyOf(scenarios: Comparison['scenarios'], options: CompareOptions): Promise<Why | undefined> {
  const worse = scenarios.find(({ metrics }) => metrics.some((one) => one.isGate && one.verdict === 'regressed'));
  const setup = options.scenarios.find(({ name }) => name === worse?.name);
  if (setup === undefined) return undefined;
  options.say('profiling two further pairs, to see where the CPU went');
  const { findWhy } = await import('./why/play.js');
  try {
    return await findWhy(options.sides, setup, options);
  } catch (error) {
    // The verdict stands without a profile.
    if (options.signal.aborted || !(error instanceof FanwireError)) throw error;
    options.say(`no profile: ${error.message}`);
    return undefined;
  }
}

function losesMessages(scenarios: Comparison['scenarios']): boolean {
  return (
    judgeWhole(
      scenarios.map((scenario) => ({ ...scenario, metrics: [] })),
      null,
    ).verdict === 'regressed'
  );
}

export interface BaselineOptions extends Rig {
  readonly setup: ScenarioSetup;
  readonly alpha: number;
  readonly limitMs: number;
  readonly say: (line: string) => void;
}

/** `count` valid runs of one side. Used to save a baseline, and to measure the head against one.
 *  @throws FanwireError FANWIRE_COMPARE_INVALID when too many in a row are invalid */
export async function playRuns(
  side: Side,
  count: number,
  options: BaselineOptions,
  faults = new ServerFaults(),
): Promise<Run[]> {
  const patience = new Patience('runs', options.limitMs);
  const runs: Run[] = [];
  while (runs.length < count) {
    const run = await playSide(side, { ...options.setup, ...options });
    if ('fault' in run) {
      faults.failed('head', run.fault, run.isDeath);
      options.say(`run thrown away: the server failed: ${run.fault}`);
      if (faults.isClear(options.alpha)) break;
      patience.invalid(run.fault);
      if (patience.isOver()) throw patience.error();
      continue;
    }
    const reason = whyInvalid(run, options.setup);
    if (reason === undefined) {
      runs.push(run);
      patience.valid();
      continue;
    }
    patience.invalid(reason);
    options.say(`run thrown away: ${reason}`);
    if (patience.isOver()) throw patience.error();
  }
  return runs;
}

/** Plays as many runs of the head as the baseline has, and pairs them in the order in which they ran. Their ratios
 *  are spread evenly about the true one, as those of real pairs are, but the machine's drift is not cancelled. */
export async function compareWithBaseline(
  baseline: { readonly label: string; readonly runs: readonly Run[] },
  head: Side,
  options: BaselineOptions,
): Promise<Comparison> {
  const startedAt = new Date();
  const { setup, alpha } = options;
  const faults = new ServerFaults();
  // A baseline only keeps good runs, so none of its servers failed.
  for (const _ of baseline.runs) faults.ranWell('base');
  const runs = await playRuns(head, baseline.runs.length, options, faults);
  const pairs: Pair[] = runs.map((run, i) => ({ base: baseline.runs[i] as Run, head: run }));
  const judgement = new GateJudgement(gateBudgets(setup), alpha);
  for (const pair of pairs) addPair(judgement, 0, setup.gates, pair);
  const elapsedMs = Date.now() - startedAt.getTime();
  const played: PlayedScenario = { setup, pairs, discarded: [], verdicts: judgement.verdicts(), elapsedMs, faults };
  const scenarios = concludeAll([played], { base: baseline.label, head: head.label }, alpha, Number.POSITIVE_INFINITY);
  return {
    schema: COMPARISON_SCHEMA,
    startedAt: startedAt.toISOString(),
    base: baseline.label,
    head: head.label,
    ...judgeWhole(scenarios, null),
    alpha,
    scenarios,
    confirmation: null,
    elapsedS: Math.round(elapsedMs / 100) / 10,
  };
}
