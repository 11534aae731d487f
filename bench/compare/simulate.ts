// Comparisons of made-up pairs, judged by the very code that judges real ones: how often the procedure errs, and what
// it catches.

import { overallVerdict, type Verdict } from './budget.js';
import { type GateBudget, GateJudgement, isDecided } from './gate-evidence.js';

/** What the log of a run's figure is made of, beside the effect: noise of its own, and what the machine does to both
 *  runs. */
export type Noise = 'normal' | 'heavy-tailed' | 'drifting' | 'disturbed';
export const NOISES: readonly Noise[] = ['normal', 'heavy-tailed', 'drifting', 'disturbed'];

export interface SimulatedGate extends GateBudget {
  /** The true ratio of head over base. */
  readonly effect: number;
}

export interface Simulation {
  readonly gates: readonly SimulatedGate[];
  readonly noise: Noise;
  /** Standard deviation of a pair's log ratio under normal noise; the other kinds have the same quartiles before what
   *  they add. */
  readonly spread: number;
  readonly alpha: number;
  /** Where the time would be over. */
  readonly pairs: number;
}

/** One comparison: blocks of two pairs in an order drawn by chance, looked at after each. */
export function simulateComparison(
  { gates, noise, spread, alpha, pairs }: Simulation,
  random: () => number,
): { readonly verdict: Verdict; readonly pairs: number } {
  const judgement = new GateJudgement(gates, alpha);
  const logEffects = gates.map((gate) => Math.log(gate.effect));
  const machine = new Machine(noise, spread / Math.SQRT2, random);
  let verdicts: readonly Verdict[] = gates.map(() => 'inconclusive');
  let played = 0;
  while (played < pairs && !isDecided(verdicts, { isOneSided: false })) {
    const baseFirst = random() < 0.5;
    for (const first of [baseFirst, !baseFirst]) {
      for (let gate = 0; gate < gates.length; gate++) {
        const [before, after] = [machine.run(gate), machine.run(gate)];
        const log = (logEffects[gate] as number) + (first ? after - before : before - after);
        judgement.add(gate, Math.exp(log));
      }
      played++;
    }
    verdicts = judgement.verdicts();
  }
  return { verdict: overallVerdict(verdicts), pairs: played };
}

/** One run in ten is disturbed, by a tenth to twice as much. */
const DISTURBED_SHARE = 0.05;
/** How far the machine moves from one run to the next, in spreads: a steady part and a random one of this size. */
const DRIFT = 0.3;

/** The logarithm of what one run measures of each gate, the effect apart. */
class Machine {
  private readonly level: number[] = [];

  constructor(
    private readonly noise: Noise,
    private readonly spread: number,
    private readonly random: () => number,
  ) {}

  run(gate: number): number {
    const own = this.spread * this.normal();
    if (this.noise === 'normal') return own;
    // Student's t with two degrees of freedom: no variance at all. 0.826 gives it the normal law's quartiles.
    if (this.noise === 'heavy-tailed') return (0.826 * own) / Math.sqrt(-Math.log(1 - this.random()));
    if (this.noise === 'disturbed') {
      // Either run of a pair may be hit, so one pair in ten is.
      return this.random() < DISTURBED_SHARE ? own + Math.log(1.1 + 0.9 * this.random()) : own;
    }
    const level = (this.level[gate] ?? 0) + this.spread * DRIFT * (1 + 2 * this.normal());
    this.level[gate] = level;
    return own + level;
  }

  /** G. Box and M. Muller, 1958. */
  private normal(): number {
    return Math.sqrt(-2 * Math.log(1 - this.random())) * Math.cos(2 * Math.PI * this.random());
  }
}

/** How one row of the calibration's table came out. */
export interface ErrorRates {
  readonly noise: Noise;
  readonly budget: number;
  readonly trials: number;
  /** Any claim of a change, of equal builds. */
  readonly atNoEffect: number;
  /** "regressed", with every gate exactly at its budget. */
  readonly atBorder: number;
  /** "unchanged", "not worse" or "improved", of a head that is worse than its budget allows. */
  readonly overlooked: number;
  /** By effect (1.02: +2 %): comparisons called "regressed", and the pairs they took on average, inconclusive ones
   *  included. */
  readonly caught: readonly { readonly effect: number; readonly regressed: number; readonly pairs: number }[];
}

/** Gates of a simulated comparison: as many as a real one has by default. */
const GATES = 5;
const POWER_AT = [1.02, 1.03, 1.05, 1.07, 1.1, 1.15];

/** Plays `trials` comparisons for each cell of the table. Of the power's, one gate in five has the effect. */
export function errorRates(
  { noise, budget, spread, alpha, pairs }: Omit<Simulation, 'gates'> & { readonly budget: number },
  trials: number,
  random: () => number,
): ErrorRates {
  const play = (effectOf: (gate: number) => number): { readonly verdicts: Verdict[]; readonly pairs: number } => {
    const gates = Array.from({ length: GATES }, (_, i) => ({ budget, moreIsBetter: false, effect: effectOf(i) }));
    let played = 0;
    const verdicts = Array.from({ length: trials }, () => {
      const outcome = simulateComparison({ gates, noise, spread, alpha, pairs }, random);
      played += outcome.pairs;
      return outcome.verdict;
    });
    return { verdicts, pairs: played / trials };
  };
  const count = (verdicts: readonly Verdict[], ...wanted: Verdict[]): number =>
    verdicts.filter((verdict) => wanted.includes(verdict)).length;
  const same = play(() => 1).verdicts;
  const border = play(() => 1 + budget).verdicts;
  let overlooked = 0;
  const caught = POWER_AT.map((effect) => {
    const { verdicts, pairs: taken } = play((gate) => (gate === 0 ? effect : 1));
    if (effect > 1 + budget) overlooked = Math.max(overlooked, count(verdicts, 'unchanged', 'not worse', 'improved'));
    return { effect, regressed: count(verdicts, 'regressed'), pairs: taken };
  });
  return {
    noise,
    budget,
    trials,
    atNoEffect: count(same, 'regressed', 'improved'),
    atBorder: count(border, 'regressed', 'improved'),
    overlooked,
    caught,
  };
}
