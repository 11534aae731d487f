// The table of real comparisons that `npm run calibrate` prints: docs/regression.md has it from here.

import { lowerBound, upperBound } from '../bench/compare/binomial.js';
import { median } from '../bench/measure/median.js';

export interface Trial {
  readonly kind: string;
  readonly budget: string;
  readonly startedAt: string;
  readonly verdict: string;
  readonly pairs: number;
  readonly seconds: number;
  readonly cpu: number | null;
  readonly wouldCatch: number | null;
  /** Gates that regressed in the first session. */
  readonly because: readonly string[];
  /** Whether the second session did not confirm the first. */
  readonly isRefuted: boolean;
}

export const HEADER =
  '| head, budget | comparisons | regressed (95 % interval) | not confirmed | improved | unchanged | inconclusive | exit 3 | ' +
  'seconds: median, 90th percentile | CPU ratio: median (lowest … highest) | would have caught (median) |\n' +
  '|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|';

export function row(kind: string, trials: readonly Trial[]): string {
  const of = (verdict: string): number => trials.filter((one) => one.verdict === verdict).length;
  const played = trials.filter((one) => one.verdict !== 'invalid');
  const seconds = played.map((one) => one.seconds).sort((a, b) => a - b);
  const at = (p: number): string =>
    String(Math.round(seconds[Math.min(seconds.length - 1, Math.floor(p * seconds.length))] ?? 0));
  const ratios = played.flatMap((one) => one.cpu ?? []);
  const middle = median(ratios);
  const spread =
    middle === null
      ? ''
      : `${middle.toFixed(3)} (${Math.min(...ratios).toFixed(3)} … ${Math.max(...ratios).toFixed(3)})`;
  const percent = (share: number): string => `${Math.round(share * 100)} %`;
  const regressed = of('regressed');
  const bounds = `${percent(lowerBound(regressed, played.length))} … ${percent(upperBound(regressed, played.length))}`;
  const refuted = trials.filter((one) => one.isRefuted).length;
  const others = ['improved', 'unchanged', 'inconclusive', 'invalid'].map(of).join(' | ');
  const caught = median(played.flatMap((one) => one.wouldCatch ?? []));
  const seen = caught === null ? '' : `+${(caught * 100).toFixed(1)} %`;
  return `| ${kind} | ${trials.length} | ${regressed} (${bounds}) | ${refuted} | ${others} | ${at(0.5)}, ${at(0.9)} | ${spread} | ${seen} |`;
}
