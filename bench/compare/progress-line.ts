// What a comparison shows while it plays: on a terminal one line in place, elsewhere (a CI log) a line now and then.

import { median } from '../measure/median.js';
import { drawsInPlace, ERASE_LINE } from '../system/line-in-place.js';
import { percent } from './comparison.js';
import { firstThreshold } from './gate-evidence.js';
import { mulberry32, pseudoMedian } from './interval.js';
import { metricNamed, type Pair, ratioOf } from './metrics.js';
import { shortReason } from './patience.js';
import { furtherPairs } from './power.js';
import type { PlayedScenario, Watch } from './session.js';
import { gateBudgets } from './setup.js';

/** Between two lines of a log. */
const LOG_EVERY_MS = 30_000;
/** With fewer pairs than this, no remaining time is shown. */
const TELLING_PAIRS = 6;

export class ProgressLine implements Watch {
  private now = { scenario: '', pair: 0, side: 'base' as keyof Pair };
  private estimate = '';
  private endsAt = Number.POSITIVE_INFINITY;
  private loggedAt = Number.NEGATIVE_INFINITY;
  private readonly thrownAwayFor: string[] = [];

  /** `several`: whether scenarios are named. */
  constructor(
    private readonly stream: NodeJS.WriteStream,
    private readonly several: boolean,
    private readonly alpha: number,
    limitMs: number,
    /** The fixed number of pairs, where one was asked for. */
    private readonly pairs: number | undefined,
  ) {
    this.endsAt = pairs === undefined ? performance.now() + limitMs : Number.POSITIVE_INFINITY;
  }

  playing(now: { readonly scenario: string; readonly pair: number; readonly side: keyof Pair }): void {
    this.now = now;
    this.draw();
  }

  played(played: PlayedScenario, all: readonly PlayedScenario[], leftMs: number): void {
    this.estimate = estimateOf(played);
    if (this.pairs === undefined) {
      this.endsAt = performance.now() + Math.max(0, Math.min(leftMs, this.neededMs(all)));
    }
    if (drawsInPlace(this.stream) || performance.now() - this.loggedAt < LOG_EVERY_MS) return;
    this.loggedAt = performance.now();
    this.stream.write(`compare: ${this.line()}\n`);
  }

  thrownAway(reason: string): void {
    this.thrownAwayFor.push(reason);
    this.draw();
  }

  /** Says something that stays, above the line. */
  say(text: string): void {
    this.end();
    this.stream.write(`compare: ${text}\n`);
  }

  /** Leaves the line empty for what follows. */
  end(): void {
    if (drawsInPlace(this.stream)) this.stream.write(ERASE_LINE);
  }

  line(): string {
    const { scenario, pair, side } = this.now;
    const left = (this.endsAt - performance.now()) / 1000;
    const last = this.thrownAwayFor.at(-1);
    const parts = [
      `${this.several ? `${scenario} ` : ''}pair ${pair}${this.pairs === undefined ? '' : ` of ${this.pairs}`}`,
      side,
      this.estimate,
      Number.isFinite(left) ? `${Math.max(0, Math.round(left))} s left` : '',
      last === undefined ? '' : `${this.thrownAwayFor.length} thrown away: ${shortReason(last)}`,
    ];
    return parts.filter((part) => part !== '').join(' · ');
  }

  private draw(): void {
    if (!drawsInPlace(this.stream)) return;
    this.stream.write(ERASE_LINE + this.line().slice(0, (this.stream.columns || 80) - 1));
  }

  /** The time after which half of such comparisons know of every gate whether it is worse. */
  private neededMs(all: readonly PlayedScenario[]): number {
    const p = firstThreshold(
      this.alpha,
      Math.max(
        1,
        all.reduce((sum, { setup }) => sum + setup.gates.length, 0),
      ),
    );
    return all.reduce((sum, one) => sum + neededMs(one, p, this.alpha / 2), 0);
  }
}

function neededMs(played: PlayedScenario, p: number, pNotWorse: number): number {
  const { setup, pairs, verdicts, elapsedMs } = played;
  if (played.unmeasured !== undefined || !verdicts.includes('inconclusive')) return 0;
  if (pairs.length < TELLING_PAIRS) return Number.POSITIVE_INFINITY;
  const budgets = gateBudgets(setup);
  const needed = setup.gates.map((name, i) => {
    if (verdicts[i] !== 'inconclusive') return 0;
    const gate = budgets[i] as (typeof budgets)[number];
    return furtherPairs(logRatiosOf(played, name), gate, { p, pNotWorse }, mulberry32(1)) ?? Number.POSITIVE_INFINITY;
  });
  return Math.max(...needed) * (elapsedMs / pairs.length);
}

function logRatiosOf({ pairs }: PlayedScenario, name: PlayedScenario['setup']['gates'][number]): number[] {
  return pairs.flatMap((pair) => {
    const ratio = ratioOf(metricNamed(name), pair);
    return ratio === null ? [] : Math.log(ratio);
  });
}

/** "cpu +1.2 % ± 4": the quietest gate so far, its median and twice the standard error of that. */
function estimateOf(played: PlayedScenario): string {
  const { gates } = played.setup;
  const name = gates.includes('cpu') ? 'cpu' : gates[0];
  if (name === undefined) return '';
  const logRatios = logRatiosOf(played, name);
  const center = pseudoMedian(logRatios);
  if (center === null) return '';
  const spread = 1.4826 * (median(logRatios.map((one) => Math.abs(one - center))) as number);
  const error = (200 * spread) / Math.sqrt(logRatios.length);
  return `${name} ${percent(Math.exp(center))}${logRatios.length < 4 ? '' : ` ± ${error < 1 ? error.toFixed(1) : Math.round(error)}`}`;
}
