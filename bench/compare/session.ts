// A comparison from its first pair to its verdict: fresh servers for every run, in blocks whose order is random, until the
// intervals have decided or the time is over.

import { decodeHistogram, encodeHistogram, mergeHistograms, summarizeLatency } from '../measure/histogram.js';
import type { Result } from '../result/result.js';
import type { Budgets, MetricName } from './budget.js';
import { type Comparison, type Design, judgeMetrics, judgeWhole, type MetricOutcome } from './comparison.js';
import type { Pair, Run } from './metrics.js';
import { isOfLoad, Patience } from './patience.js';
import { type PlayOptions, playSide } from './play.js';
import type { Side } from './side.js';

export interface JudgeOptions extends PlayOptions {
  /** No new block is begun after this long, unless the number of pairs is given; a third of it without a valid run is the end. */
  readonly limitMs: number;
  readonly budgets: Budgets;
  /** Metrics that the verdict depends on. */
  readonly gates: readonly MetricName[];
  readonly say: (line: string) => void;
}

export interface CompareOptions extends JudgeOptions {
  readonly base: Side;
  readonly head: Side;
  /** Exactly so many pairs; undefined: as many as the intervals need. */
  readonly pairs: number | undefined;
  readonly random: () => number;
  /** Told after every block. */
  readonly progress: (pairs: number, metrics: readonly MetricOutcome[]) => void;
}

/** Looks taken on the way are stricter than the last one, since each is a further chance to be wrong. */
const EARLY_CONFIDENCE = 0.99;
const FINAL_CONFIDENCE = 0.95;
/** No early verdict before so many pairs. */
const EARLIEST_PAIRS = 6;

/** Plays pairs until decided.
 *  @throws FanwireError FANWIRE_COMPARE_INVALID when hardly any pair could be measured (exit code 3), and what a start throws */
export async function compare(options: CompareOptions): Promise<Comparison> {
  const startedAt = new Date();
  const begun = performance.now();
  const pairs: Pair[] = [];
  const discarded: string[] = [];
  const patience = new Patience('pairs', options.limitMs);

  const keep = (played: Pair | string): void => {
    if (typeof played !== 'string') {
      pairs.push(played);
      patience.valid();
      return;
    }
    patience.invalid(played);
    discarded.push(played);
    options.say(`pair thrown away: ${played}`);
    if (pairs.length < EARLIEST_PAIRS && patience.isOver()) throw patience.error();
  };
  const isOver = (): boolean => {
    if (options.pairs !== undefined) return pairs.length >= options.pairs || patience.isOver();
    if (performance.now() - begun >= options.limitMs) return true;
    if (pairs.length < EARLIEST_PAIRS) return false;
    const metrics = judgeMetrics(pairs, options.budgets, options.gates, EARLY_CONFIDENCE, 'paired');
    options.progress(pairs.length, metrics);
    const gates = metrics.filter((metric) => metric.isGate);
    return gates.some((gate) => gate.verdict === 'regressed') || gates.every((gate) => gate.verdict !== 'inconclusive');
  };

  while (!isOver()) {
    // ABBA or BAAB: a drift that is even over the block weighs on both sides alike.
    const baseFirst = options.random() < 0.5;
    keep(await playPair(options, baseFirst));
    if (pairs.length !== options.pairs) keep(await playPair(options, !baseFirst));
  }
  if (options.pairs !== undefined && pairs.length < options.pairs) {
    options.say(`ended after ${pairs.length} of ${options.pairs} pairs: no further one was valid`);
  }
  return conclude(options, options.base.label, options.head.label, pairs, discarded, startedAt, 'paired');
}

/** `count` valid runs of one side. Used to save a baseline, and to measure the head against one.
 *  @throws FanwireError FANWIRE_COMPARE_INVALID when too many in a row are invalid */
export async function playRuns(side: Side, count: number, options: JudgeOptions): Promise<Run[]> {
  const patience = new Patience('runs', options.limitMs);
  const runs: Run[] = [];
  while (runs.length < count) {
    const run = await playSide(side, options);
    const reason = whyInvalid(run);
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

/** The head's runs, as many as the baseline has, against the baseline's. */
export async function compareWithBaseline(
  baseline: { readonly label: string; readonly runs: readonly Run[] },
  head: Side,
  options: JudgeOptions,
): Promise<Comparison> {
  const startedAt = new Date();
  const runs = await playRuns(head, baseline.runs.length, options);
  const pairs = runs.map((run, i) => ({ base: baseline.runs[i] as Run, head: run }));
  return conclude(options, baseline.label, head.label, pairs, [], startedAt, 'independent');
}

/** The reason that every run of this load will have, if there is one, before those that a neighbour may have caused. */
function whyInvalid({ result }: Run): string | undefined {
  return result.invalidReasons.find(isOfLoad) ?? result.invalidReasons[0];
}

function conclude(
  options: JudgeOptions,
  base: string,
  head: string,
  pairs: readonly Pair[],
  discarded: readonly string[],
  startedAt: Date,
  design: Design,
): Comparison {
  const metrics = judgeMetrics(pairs, options.budgets, options.gates, FINAL_CONFIDENCE, design);
  return {
    schema: 'fanwire.comparison/1',
    startedAt: startedAt.toISOString(),
    base,
    head,
    ...judgeWhole(pairs, metrics),
    metrics,
    confidence: FINAL_CONFIDENCE,
    pairs: pairs.length,
    discarded,
    elapsedS: Math.round((Date.now() - startedAt.getTime()) / 100) / 10,
    results:
      pairs.length === 0
        ? null
        : {
            base: mergedResult(
              pairs.map((pair) => pair.base.result),
              base,
            ),
            head: mergedResult(
              pairs.map((pair) => pair.head.result),
              head,
            ),
          },
  };
}

/** Both sides once, one after the other; or why the first of them to be invalid was: no second run would mend that. */
async function playPair(options: CompareOptions, baseFirst: boolean): Promise<Pair | string> {
  const order = baseFirst ? [options.base, options.head] : [options.head, options.base];
  const runs: Run[] = [];
  for (const side of order) {
    const run = await playSide(side, options);
    const reason = whyInvalid(run);
    if (reason !== undefined) return reason;
    runs.push(run);
  }
  const [first, second] = runs as [Run, Run];
  return baseFirst ? { base: first, head: second } : { base: second, head: first };
}

/** All runs of a side as one result: latencies merged, counts added, the rest the median run's. */
function mergedResult(results: readonly Result[], label: string): Result {
  const byP99 = [...results].sort((a, b) => (a.latencyMs.p99 ?? 0) - (b.latencyMs.p99 ?? 0));
  const typical = byP99[byP99.length >> 1] as Result;
  const merged = mergeHistograms(results.map((result) => decodeHistogram(result.latencyMs.histogram)));
  const sum = (figure: (result: Result) => number): number => results.reduce((total, one) => total + figure(one), 0);
  return {
    ...typical,
    target: { ...typical.target, name: label },
    published: sum((one) => one.published),
    expected: sum((one) => one.expected),
    delivered: sum((one) => one.delivered),
    lost: sum((one) => one.lost),
    duplicated: sum((one) => one.duplicated),
    outOfOrder: sum((one) => one.outOfOrder),
    latencyMs: { ...summarizeLatency(merged), histogram: encodeHistogram(merged) },
  };
}
