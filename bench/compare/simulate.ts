// Comparisons of made-up pairs, judged by the very code that judges real ones: how often the procedure errs, and what it catches.

import { overallVerdict, type Verdict } from './budget.js';
import { type GateBudget, isDecided, Judgement } from './gate-evidence.js';

/** What the log of a run's figure is made of, beside the effect: noise of its own, and what the machine does to both runs. */
export type Noise = 'normal' | 'heavy-tailed' | 'drifting' | 'disturbed';
export const NOISES: readonly Noise[] = ['normal', 'heavy-tailed', 'drifting', 'disturbed'];

export interface SimulatedGate extends GateBudget {
  /** The true ratio of head over base. */
  readonly effect: number;
}

export interface Simulation {
  readonly gates: readonly SimulatedGate[];
  readonly noise: Noise;
  /** Standard deviation of a pair's log ratio under normal noise; the other kinds have the same quartiles before what they add. */
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
  const judgement = new Judgement(gates, alpha);
  const logEffects = gates.map((gate) => Math.log(gate.effect));
  const machine = new Machine(noise, spread / Math.SQRT2, random);
  let verdicts: readonly Verdict[] = gates.map(() => 'inconclusive');
  let played = 0;
  while (played < pairs && !isDecided(verdicts)) {
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
/** What a run differs from the one before, in spreads: steadily, and by chance. */
const DRIFT = 0.3;

/** The logarithm of what one run measures of each gate, the effect apart. */
class Machine {
  readonly #level: number[] = [];

  constructor(
    private readonly noise: Noise,
    private readonly spread: number,
    private readonly random: () => number,
  ) {}

  run(gate: number): number {
    const own = this.spread * this.#normal();
    if (this.noise === 'normal') return own;
    // Student's t with two degrees of freedom: no variance at all. 0.826 gives it the normal law's quartiles.
    if (this.noise === 'heavy-tailed') return (0.826 * own) / Math.sqrt(-Math.log(1 - this.random()));
    if (this.noise === 'disturbed') {
      // Either run of a pair may be hit, so one pair in ten is.
      return this.random() < DISTURBED_SHARE ? own + Math.log(1.1 + 0.9 * this.random()) : own;
    }
    const level = (this.#level[gate] ?? 0) + this.spread * DRIFT * (1 + 2 * this.#normal());
    this.#level[gate] = level;
    return own + level;
  }

  /** G. Box and M. Muller, 1958. */
  #normal(): number {
    return Math.sqrt(-2 * Math.log(1 - this.random())) * Math.cos(2 * Math.PI * this.random());
  }
}

/** The upper end of the two-sided 95 % interval of a rate that was seen `hits` times in `trials`: C. J. Clopper and E. S. Pearson,
 *  "The use of confidence or fiducial limits" (Biometrika 26, 1934), by bisection. */
export function upperBound(hits: number, trials: number): number {
  return hits >= trials ? 1 : solve((rate) => binomialCdf(hits, trials, rate) > 0.025);
}

export function lowerBound(hits: number, trials: number): number {
  return hits === 0 ? 0 : 1 - upperBound(trials - hits, trials);
}

/** The rate up to which `holds`. */
function solve(holds: (rate: number) => boolean): number {
  let [low, high] = [0, 1];
  for (let i = 0; i < 40; i++) {
    const mid = (low + high) / 2;
    if (holds(mid)) low = mid;
    else high = mid;
  }
  return high;
}

function binomialCdf(hits: number, trials: number, rate: number): number {
  let logTerm = trials * Math.log1p(-rate);
  let sum = Math.exp(logTerm);
  for (let k = 1; k <= hits; k++) {
    logTerm += Math.log(((trials - k + 1) / k) * (rate / (1 - rate)));
    sum += Math.exp(logTerm);
  }
  return Math.min(1, sum);
}
