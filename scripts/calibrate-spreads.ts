// `npm run calibrate -- --spreads file…`: what the pairs of equal builds say of the default budgets. Each metric's
// spread, and how often a comparison of equal builds would be decided within its time limit: the procedure played on
// pairs that are drawn again, whole, from those that were measured.

import { DEFAULT_BUDGETS, overallVerdict, parseBudgets, type Verdict } from '../bench/compare/budget.js';
import { gatesOfAll, type ScenarioOutcome } from '../bench/compare/comparison.js';
import { readComparison } from '../bench/compare/comparison-file.js';
import { GateJudgement, isDecided } from '../bench/compare/gate-evidence.js';
import { mulberry32, pseudoMedian } from '../bench/compare/interval.js';
import { type MetricName, metricNamed } from '../bench/compare/metrics.js';
import { median } from '../bench/measure/median.js';
import { countOf } from '../src/base/page/format.js';

const TRIALS = 1000;
/** A median distance from the center times this is a normal law's standard deviation. */
const NORMAL = 1.4826;

export interface SpreadFlags {
  readonly alpha: number;
  readonly maxMinutes: number;
  /** As `--budget`: budgets to try instead of the default ones. */
  readonly budget?: string;
}

/** Prints the table. */
export function printSpreads(files: readonly string[], { alpha, maxMinutes, budget = '' }: SpreadFlags): void {
  const played = files.map((file) => readComparison(file));
  const names = [...new Set(played.flatMap((one) => gatesOfAll(one).map(({ gate }) => gate.name)))];
  const pairs = played.flatMap((one) => one.scenarios.flatMap((scenario) => pairsOf(scenario, names)));
  const thrown = played.flatMap((one) => one.scenarios.flatMap(({ discarded }) => discarded)).length;
  const secondsPerPair = played.reduce((sum, { elapsedS }) => sum + elapsedS, 0) / pairs.length;
  const limit = Math.floor((maxMinutes * 60) / secondsPerPair);
  const budgets = { ...DEFAULT_BUDGETS, ...parseBudgets(budget) };
  console.log(
    `${pairs.length} pairs of ${secondsPerPair.toFixed(1)} s with those that were thrown away (${thrown}); a limit of ` +
      `${countOf(maxMinutes, 'minute')} allows ${limit}. ${TRIALS} comparisons of equal builds, --alpha ${alpha}.\n`,
  );
  console.log('| metric | spread of a pair | budget | no worse | inconclusive | regressed | pairs on average |');
  console.log('|---|---:|---:|---:|---:|---:|---:|');
  const row = (title: string, spread: string, gates: readonly MetricName[], limits: string): void => {
    const { verdicts, taken } = playEqual(pairs, gates, { budgets, alpha, limit });
    const share = (...wanted: Verdict[]): string =>
      `${((verdicts.filter((one) => wanted.includes(one)).length / TRIALS) * 100).toFixed(1)} %`;
    const shares = [share('unchanged', 'not worse', 'improved'), share('inconclusive'), share('regressed')];
    console.log(`| ${[title, spread, limits, ...shares, (taken / TRIALS).toFixed(1)].join(' | ')} |`);
  };
  for (const name of names) {
    const { label, moreIsBetter } = metricNamed(name);
    row(label, spreadOf(pairs, name), [name], budgetOf(budgets[name], moreIsBetter));
  }
  row('all together', '', names, '');
}

type PlayedPair = Partial<Record<MetricName, number>>;

/** The logarithms of each pair's ratios, their center taken away: these builds are equal. */
function pairsOf({ metrics, pairs }: ScenarioOutcome, names: readonly MetricName[]): PlayedPair[] {
  const columns = names.map((name) => {
    const ratios = metrics.find((metric) => metric.name === name)?.pairRatios ?? [];
    return { name, logs: ratios.map((ratio) => (ratio === null ? null : Math.log(ratio))) };
  });
  return Array.from({ length: pairs }, (_, i) =>
    Object.fromEntries(columns.flatMap(({ name, logs }) => (logs[i] == null ? [] : [[name, logs[i]]]))),
  );
}

function logsOf(pairs: readonly PlayedPair[], name: MetricName): number[] {
  return pairs.flatMap((pair) => pair[name] ?? []);
}

/** As a standard deviation of the log ratio, from the distances' median: one wild pair is none. */
function spreadOf(pairs: readonly PlayedPair[], name: MetricName): string {
  const distances = logsOf(pairs, name).map(Math.abs);
  return `${(NORMAL * (median(distances) ?? 0) * 100).toFixed(1)} %`;
}

function playEqual(
  pairs: readonly PlayedPair[],
  gates: readonly MetricName[],
  how: { readonly budgets: typeof DEFAULT_BUDGETS; readonly alpha: number; readonly limit: number },
): { readonly verdicts: Verdict[]; readonly taken: number } {
  const random = mulberry32(1);
  const limits = gates.map((name) => ({ budget: how.budgets[name], moreIsBetter: metricNamed(name).moreIsBetter }));
  const centers = gates.map((name) => pseudoMedian(logsOf(pairs, name)) ?? 0);
  let taken = 0;
  const verdicts = Array.from({ length: TRIALS }, () => {
    const judgement = new GateJudgement(limits, how.alpha);
    let verdicts: readonly Verdict[] = gates.map(() => 'inconclusive');
    for (let played = 0; played < how.limit && !isDecided(verdicts, { isOneSided: false }); played += 2) {
      for (let i = 0; i < 2; i++) {
        const pair = pairs[Math.floor(random() * pairs.length)] as PlayedPair;
        for (const [gate, name] of gates.entries()) {
          const log = pair[name];
          if (log !== undefined) judgement.add(gate, Math.exp(log - (centers[gate] as number)));
        }
      }
      taken += 2;
      verdicts = judgement.verdicts();
    }
    return overallVerdict(verdicts);
  });
  return { verdicts, taken };
}

function budgetOf(budget: number, moreIsBetter: boolean): string {
  return `${moreIsBetter ? '−' : '+'}${Number((budget * 100).toFixed(1))} %`;
}
