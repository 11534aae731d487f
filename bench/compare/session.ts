// A session of a comparison: fresh servers for every run, pairs in blocks whose order is random, in whichever scenario
// is undecided and has had the least time, until the verdict is known or the time is over.

import type { Engine } from '../engines/engine.js';
import type { CoreSplit } from '../measure/pinning.js';
import type { Verdict } from './budget.js';
import { isClearlyWorse } from './delivery-faults.js';
import { GateJudgement, isDecided, isOpen, type VerdictQuestion } from './gate-evidence.js';
import { type MetricName, metricNamed, type Pair, type Run, ratioOf } from './metrics.js';
import { Patience } from './patience.js';
import { playSides, type SideBySide } from './play.js';
import { ServerFaults } from './server-faults.js';
import { gateBudgets, type ScenarioSetup } from './setup.js';
import type { Side } from './side.js';
import { whyInvalid } from './valid-run.js';

export interface Sides {
  readonly base: Side;
  readonly head: Side;
}

/** Told what happens, for whoever watches. */
export interface Watch {
  playing(now: { readonly scenario: string; readonly pair: number; readonly side: keyof Pair }): void;
  played(played: PlayedScenario, all: readonly PlayedScenario[], leftMs: number): void;
  thrownAway(reason: string): void;
}

/** What a session plays with. */
export interface Rig {
  readonly engine: Engine;
  /** Those that the engine sends too. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly cores: CoreSplit;
  readonly signal: AbortSignal;
  readonly watch: Watch;
}

export interface SessionOptions extends Rig, VerdictQuestion {
  readonly sides: Sides;
  readonly scenarios: readonly ScenarioSetup[];
  readonly alpha: number;
  /** Exactly so many pairs of each scenario; undefined: as many as the verdict needs. */
  readonly pairs: number | undefined;
  /** No new block is begun after this long, unless the number of pairs is given; a third of it without a valid run is
   *  the end. */
  readonly limitMs: number;
  /** Whether both servers can run at once, for all sessions of a comparison. */
  readonly sideBySide: SideBySide;
  readonly say: (line: string) => void;
  /** Draws the order of runs. */
  readonly random: () => number;
}

/** A scenario and what was played of it. */
export interface PlayedScenario {
  readonly setup: ScenarioSetup;
  readonly pairs: Pair[];
  readonly discarded: string[];
  /** Of its gates, in their order. */
  verdicts: readonly Verdict[];
  elapsedMs: number;
  readonly faults: ServerFaults;
  /** Why it was given up, if it was. */
  unmeasured?: string;
}

interface PlayingScenario extends PlayedScenario {
  readonly patience: Patience;
  /** Pairs in which the base was played first, less those in which the head was. */
  lead: number;
}

const BLOCK_PAIRS = 2;

/** Plays until decided.
 *  @throws FanwireError FANWIRE_COMPARE_INVALID when nothing could be measured (exit code 3), and what a start
 *  throws */
export async function playSession(options: SessionOptions): Promise<PlayedScenario[]> {
  const begun = performance.now();
  const played = options.scenarios.map(
    (setup): PlayingScenario => ({
      setup,
      pairs: [],
      discarded: [],
      verdicts: setup.gates.map(() => 'inconclusive'),
      elapsedMs: 0,
      faults: new ServerFaults(),
      lead: 0,
      patience: new Patience('pairs', options.limitMs / options.scenarios.length),
    }),
  );
  const judgement = new GateJudgement(options.scenarios.flatMap(gateBudgets), options.alpha);
  const leftMs = (): number => options.limitMs - (performance.now() - begun);

  for (;;) {
    const open = played.filter((one) => one.unmeasured === undefined && isUnfinished(one, options));
    const isWorse = (): boolean => played.some(({ pairs }) => isClearlyWorse(pairs, options.alpha / 2));
    const isOver =
      options.pairs === undefined && (leftMs() <= 0 || isDecided(allVerdicts(played), options) || isWorse());
    if (open.length === 0 || isOver || played.some((one) => one.faults.isClear(options.alpha))) break;
    const next = open.reduce((least, one) => (one.elapsedMs < least.elapsedMs ? one : least));
    const from = next.pairs.length;
    await playBlock(next, options);
    takeIn(judgement, played, next, from);
    options.watch.played(next, played, leftMs());
    const { patience, faults } = next;
    const isHopeless = faults.baseNeverHolds() || patience.isOver();
    if (!isHopeless || (options.pairs === undefined && next.pairs.length >= ENOUGH_PAIRS)) continue;
    if (played.every((one) => one === next || one.unmeasured !== undefined) && !hasPairs(played))
      throw patience.error();
    next.unmeasured = patience.error().message;
  }
  return played;
}

/** With so many pairs a scenario is played on in spite of invalid runs, till the time is over. */
const ENOUGH_PAIRS = 6;

function isUnfinished({ pairs, verdicts }: PlayedScenario, options: SessionOptions): boolean {
  if (options.pairs !== undefined) return pairs.length < options.pairs;
  return verdicts.some((verdict) => isOpen(verdict, options));
}

function allVerdicts(played: readonly PlayedScenario[]): Verdict[] {
  return played.flatMap((one) => (one.unmeasured === undefined ? one.verdicts : []));
}

function hasPairs(played: readonly PlayedScenario[]): boolean {
  return played.some((one) => one.pairs.length > 0);
}

/** Hands the judgement each gate's ratio of one pair, where there is one. `offset`: the judgement's number of the
 *  first gate. */
export function addPair(judgement: GateJudgement, offset: number, gates: readonly MetricName[], pair: Pair): void {
  for (const [i, name] of gates.entries()) {
    const ratio = ratioOf(metricNamed(name), pair);
    if (ratio !== null) judgement.add(offset + i, ratio);
  }
}

/** Takes the pairs from `from` on into the evidence, and judges every gate anew: all gates share one error. */
function takeIn(judgement: GateJudgement, played: readonly PlayedScenario[], next: PlayedScenario, from: number): void {
  let offset = 0;
  for (const one of played) {
    if (one === next) break;
    offset += one.setup.gates.length;
  }
  for (const pair of next.pairs.slice(from)) addPair(judgement, offset, next.setup.gates, pair);
  const verdicts = judgement.verdicts();
  let at = 0;
  for (const one of played) {
    one.verdicts = verdicts.slice(at, at + one.setup.gates.length);
    at += one.setup.gates.length;
  }
}

/** ABBA or BAAB: a steady drift over the block affects both sides alike. A pair that is thrown away is played again in
 *  the same order, in the next block, or who is first would differ between the sides. */
async function playBlock(played: PlayingScenario, options: SessionOptions): Promise<void> {
  const begun = performance.now();
  for (let pairs = 0; pairs < BLOCK_PAIRS; pairs++) {
    if (played.pairs.length === options.pairs) break;
    const baseFirst = played.lead === 0 ? options.random() < 0.5 : played.lead < 0;
    const pair = await playPair(played, options, baseFirst);
    if ('reason' in pair) {
      played.discarded.push(pair.reason);
      if (pair.isOfBoth) played.patience.invalid(pair.reason);
      options.watch.thrownAway(pair.reason);
    } else {
      played.pairs.push(pair);
      played.lead += baseFirst ? 1 : -1;
      played.patience.valid();
    }
  }
  played.elapsedMs += performance.now() - begun;
}

/** Why a pair was discarded. `isOfBoth`: false where only the head's server failed. That is evidence, and uses up no
 *  patience. */
interface ThrownAway {
  readonly reason: string;
  readonly isOfBoth: boolean;
}

/** Plays both sides once. An invalid run ends the pair with its reason: a second run would not mend it. Where a
 *  server failed the other side is played all the same, to learn whether that one's server holds. */
async function playPair(
  played: PlayedScenario,
  options: SessionOptions,
  baseFirst: boolean,
): Promise<Pair | ThrownAway> {
  const { setup, pairs, faults } = played;
  const { sides, watch } = options;
  const order = baseFirst ? (['base', 'head'] as const) : (['head', 'base'] as const);
  const runs: Partial<Record<keyof Pair, Run>> = {};
  const failed: Partial<Record<keyof Pair, string>> = {};
  const outcomes = await playSides([sides[order[0]], sides[order[1]]], {
    ...setup,
    ...options,
    playing: (i) => watch.playing({ scenario: setup.name, pair: pairs.length + 1, side: order[i] as keyof Pair }),
  });
  for (const [i, side] of order.entries()) {
    const run = outcomes[i];
    if (run === undefined) continue;
    if ('fault' in run) {
      faults.failed(side, run.fault, run.isDeath);
      failed[side] = `the ${side}'s server failed: ${run.fault}`;
      continue;
    }
    faults.ranWell(side);
    const reason = whyInvalid(run, setup);
    if (reason === undefined) {
      runs[side] = run;
      continue;
    }
    if (failed.base === undefined && failed.head === undefined) return { reason, isOfBoth: true };
  }
  const reason = failed.base ?? failed.head;
  return reason === undefined ? (runs as Pair) : { reason, isOfBoth: failed.base !== undefined };
}
