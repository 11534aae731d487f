// The simulated half of `npm run calibrate`: the comparison's procedure on made-up pairs, on every core.

import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { upperBound } from '../bench/compare/binomial.js';
import { mulberry32 } from '../bench/compare/interval.js';
import { type ErrorRates, errorRates, NOISES, type Noise } from '../bench/compare/simulate.js';
import { usableCores } from '../src/base/cpu-quota.js';

interface Job {
  readonly noise: Noise;
  readonly budget: number;
  readonly spread: number;
  readonly alpha: number;
  readonly pairs: number;
  readonly trials: number;
}

/** Standard deviation of a pair, and pairs of five minutes: as the CPU of a delivery has them (docs/regression.md). */
const SPREAD = 0.03;
const PAIRS = 60;
const BUDGETS = [0.02, 0.05];

/** Plays `trials` comparisons a cell and prints the table; false when an error is above what is stated. */
export async function calibrateSimulated(trials: number, alpha: number): Promise<boolean> {
  const begun = performance.now();
  const jobs = BUDGETS.flatMap((budget) =>
    NOISES.map((noise): Job => ({ noise, budget, spread: SPREAD, alpha, pairs: PAIRS, trials })),
  );
  const rows: ErrorRates[] = [];
  const open = jobs.entries();
  const work = async (): Promise<void> => {
    for (const [i, job] of open) rows[i] = await inWorker(job);
  };
  await Promise.all(Array.from({ length: usableCores() }, work));
  const seconds = Math.round((performance.now() - begun) / 1000);
  console.log(`${trials} comparisons a cell, five gates, a spread of 3 % a pair, at most ${PAIRS} pairs; ${seconds} s`);
  console.log(`At --alpha ${alpha}; in brackets the upper end of the 95 % interval.\n`);
  const effects = (rows[0] as ErrorRates).caught.map(({ effect }) => `+${Math.round((effect - 1) * 100)} %`);
  const head = ['budget', 'spread', 'wrong at no effect', 'wrong at the border', 'overlooked', ...effects];
  console.log(`| ${head.join(' | ')} |\n|---|---|${'---:|'.repeat(head.length - 2)}`);
  for (const row of rows) console.log(`| ${cells(row).join(' | ')} |`);
  return rows.every((row) => [row.atNoEffect, row.atBorder].every((wrong) => upperBound(wrong, row.trials) <= alpha));
}

/** The share caught, and after how many pairs. */
function cells({ budget, noise, trials, atNoEffect, atBorder, overlooked, caught }: ErrorRates): string[] {
  const percent = (share: number, digits: number): string => `${(share * 100).toFixed(digits)} %`;
  const error = (wrong: number): string => `${percent(wrong / trials, 2)} (${percent(upperBound(wrong, trials), 2)})`;
  const power = caught.map(({ regressed, pairs }) => `${percent(regressed / trials, 1)}, ${Math.round(pairs)} pairs`);
  return [`+${budget * 100} %`, noise, error(atNoEffect), error(atBorder), error(overlooked), ...power];
}

function inWorker(job: Job): Promise<ErrorRates> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL(import.meta.url), { workerData: job });
    worker.once('message', resolve).once('error', reject);
  });
}

if (!isMainThread) {
  const { trials, ...job } = workerData as Job;
  parentPort?.postMessage(errorRates(job, trials, mulberry32(Math.round(job.budget * 1000) + job.noise.length)));
}
