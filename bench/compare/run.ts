// What `fanwire compare` does once its flags are read: two sides, a plan, pairs until a verdict, reports, an exit code.

import { appendFileSync } from 'node:fs';
import { FanwireError } from '../../src/protocol/codes.js';
import { nativeEngine } from '../engines/native.js';
import { pinProcess, splitCores } from '../measure/pinning.js';
import { type ReportFiles, write } from '../report/write.js';
import { describeHost } from '../run/run.js';
import { scenarioNamed } from '../scenarios/all.js';
import { PLAN_DEFAULTS, type Plan } from '../scenarios/scenario.js';
import { loadBaseline, saveBaseline } from './baseline.js';
import { DEFAULT_BUDGETS, type MetricName, parseBudgets } from './budget.js';
import type { Comparison } from './comparison.js';
import { gatesOf, unmeasuredOf } from './gates.js';
import { mulberry32 } from './interval.js';
import { renderAnnotations, renderJunit, renderMarkdown, renderTerminal } from './report-text.js';
import { type CompareOptions, compare, compareWithBaseline, type JudgeOptions, playRuns } from './session.js';
import { resolveSide, type Side, type SideOptions } from './side.js';

export interface CompareRequest {
  readonly base: string | undefined;
  readonly head: string;
  readonly scenario: string;
  /** What flags and scenario file set; a comparison's own defaults and the scenario's apply to the rest. */
  readonly plan: Partial<Plan>;
  readonly budget: string | undefined;
  readonly pairs: number | undefined;
  readonly maxMinutes: number;
  readonly capacityMs: number;
  readonly seed: number;
  readonly side: SideOptions;
  readonly baseline: string | undefined;
  readonly saveBaseline: string | undefined;
  readonly signal: AbortSignal;
  readonly say: (line: string) => void;
}

/** Short runs, many of them: a pair takes about five seconds, and it is the number of pairs that narrows an interval. After a warm-up
 *  of 0.2 s both ends were still being compiled: 11 of 47 runs were invalid and p99's quartiles 6.0 and 9.1 ms; after 0.5 s
 *  6 of 42, and 4.8 and 6.8 ms (interleaved). */
const COMPARE_PLAN: Partial<Plan> = { subscribers: 200, rate: 200, warmupS: 0.5, durationS: 0.7, drainS: 2 };

/** Runs the comparison; null when only a baseline was saved.
 *  @throws FanwireError */
export async function runComparison(request: CompareRequest): Promise<Comparison | null> {
  const scenario = scenarioNamed(request.scenario);
  if (scenario.sweep !== undefined || scenario.search !== undefined) {
    throw new FanwireError(
      'FANWIRE_USAGE_COMPARE_SCENARIO',
      `--scenario ${scenario.name} is a series of runs; a comparison repeats one: use fan-out with --payload or --rate`,
    );
  }
  if (scenario.engine !== undefined) {
    throw new FanwireError(
      'FANWIRE_USAGE_COMPARE_SCENARIO',
      `--scenario ${scenario.name} is played by ${scenario.engine}, a comparison by the native engine: use one that \`fanwire bench list\` gives no engine for`,
    );
  }
  const plan: Plan = {
    ...PLAN_DEFAULTS,
    ...COMPARE_PLAN,
    ...scenario.defaults,
    ...request.plan,
    scenario: scenario.name,
  };
  const specs = [request.head, ...(request.base === undefined ? [] : [request.base])];
  const unmeasured = unmeasuredOf(specs, request.capacityMs);
  const budgets = parseBudgets(request.budget ?? '');
  const gates = gatesOf(Object.keys(budgets) as MetricName[], unmeasured);
  const head = resolveSide('head', request.head, request.side);
  const cores = splitCores(1);
  pinProcess(process.pid, cores.generator);
  const judging: JudgeOptions = {
    plan,
    engine: nativeEngine({ cores: cores.generator, headers: {}, localAddresses: [], isInsecureAllowed: false }),
    cores,
    capacityMs: request.capacityMs,
    budgets: { ...DEFAULT_BUDGETS, ...budgets },
    countsInstructions: unmeasured.instructions === undefined,
    gates,
    limitMs: request.maxMinutes * 60_000,
    signal: request.signal,
    say: request.say,
  };
  if (request.saveBaseline !== undefined) {
    refuseUnusedFlags(request.side, [head]);
    const runs = await playRuns(head, request.pairs ?? 10, judging);
    saveBaseline(request.saveBaseline, head.label, plan, request.capacityMs, runs);
    request.say(`${runs.length} runs of ${head.label} saved in ${request.saveBaseline}`);
    return null;
  }
  if (request.baseline !== undefined) {
    refuseUnusedFlags(request.side, [head]);
    const now = { host: describeHost(), plan, capacityMs: request.capacityMs };
    return compareWithBaseline(loadBaseline(request.baseline, now), head, judging);
  }
  if (request.base === undefined) {
    throw new FanwireError(
      'FANWIRE_USAGE_COMPARE',
      'compare needs --base (a git ref, folder, URL or command) or --baseline file',
    );
  }
  const base = resolveSide('base', request.base, request.side);
  refuseUnusedFlags(request.side, [base, head]);
  const options: CompareOptions = {
    ...judging,
    base,
    head,
    pairs: request.pairs,
    random: mulberry32(request.seed),
    progress: (pairs, metrics) => {
      const open = metrics.filter((metric) => metric.isGate && metric.verdict === 'inconclusive');
      const what = open.length === 0 ? 'decided' : `undecided: ${open.map((metric) => metric.name).join(', ')}`;
      request.say(`${pairs} pairs, ${what}`);
    },
  };
  return compare(options);
}

/** URLs and commands are what they are: a flag that should build or start them would do nothing.
 *  @throws FanwireError FANWIRE_USAGE_COMPARE */
function refuseUnusedFlags({ build, start, serveFlags }: SideOptions, sides: readonly Side[]): void {
  const given = [
    build === '' ? '' : '--build',
    start === '' ? '' : '--start',
    serveFlags.length === 0 ? '' : '--serve',
  ];
  const [flag] = given.filter((name) => name !== '');
  if (flag === undefined || sides.some((side) => side.isBuilt)) return;
  throw new FanwireError(
    'FANWIRE_USAGE_COMPARE',
    `${flag} is for folders and git refs, and ${sides.map((side) => `"${side.spec}"`).join(' and ')} is none: leave it out`,
  );
}

/** Writes every report that is named; in a GitHub workflow, its summary and annotations too. */
export async function writeComparison(comparison: Comparison, files: ReportFiles, isQuiet: boolean): Promise<void> {
  if (files.json !== undefined) write(files.json, `${JSON.stringify(comparison, null, 2)}\n`);
  if (files.md !== undefined) write(files.md, renderMarkdown(comparison));
  if (files.junit !== undefined) write(files.junit, renderJunit(comparison));
  if (files.html !== undefined) {
    const { renderComparisonHtml } = await import('./report-html.js');
    write(files.html, renderComparisonHtml(comparison));
  }
  if (!isQuiet) process.stdout.write(renderTerminal(comparison));
  if (process.env.GITHUB_ACTIONS !== 'true') return;
  for (const line of renderAnnotations(comparison)) process.stdout.write(`${line}\n`);
  const summary = process.env.GITHUB_STEP_SUMMARY;
  if (summary !== undefined && summary !== '') appendFileSync(summary, renderMarkdown(comparison));
}

/** 0 unchanged, improved or undecided; 1 regressed; 3 nothing valid was measured. `isStrict`: undecided is 1 too. */
export function exitCodeOf(comparison: Comparison, isStrict: boolean): number {
  if (comparison.results === null) return 3;
  if (comparison.verdict === 'regressed') return 1;
  return isStrict && comparison.verdict === 'inconclusive' ? 1 : 0;
}
