// `fanwire compare` behind its flags: two sides, the scenarios, one comparison, an exit code.

import { FanwireError } from '../../src/base/error.js';
import { Exit } from '../../src/base/exit-codes.js';
import { nativeEngine } from '../engines/native.js';
import { pinProcess, splitCores } from '../measure/pinning.js';
import { raisePriority } from '../measure/priority.js';
import { describeHost } from '../run/run.js';
import type { Plan } from '../scenarios/scenario.js';
import { keepHeadersSecret } from '../targets/secrets.js';
import { loadBaseline, saveBaseline } from './baseline.js';
import { compare, compareWithBaseline, playRuns } from './compare.js';
import { type Comparison, isMeasured } from './comparison.js';
import { mulberry32 } from './interval.js';
import { SideBySide } from './play.js';
import { ProgressLine } from './progress-line.js';
import { scaleDefaults } from './scale.js';
import type { Rig } from './session.js';
import { refuseHopeless, type ScenarioSetup, setUp, tooFewPairs } from './setup.js';
import { resolveSides, type Side, type SideOptions } from './side.js';
import { readSuite, type Suite } from './suite.js';

export interface CompareRequest {
  readonly base: string | undefined;
  readonly head: string;
  readonly scenario: string;
  /** A suite file, or 'default'; the scenario alone unless given. */
  readonly suite: string | undefined;
  /** What flags and scenario file set; a comparison's own defaults and the scenario's apply to the rest. */
  readonly plan: Partial<Plan>;
  /** Play the default load as it is, whatever this machine can carry. */
  readonly isLoadStrict: boolean;
  readonly budget: string | undefined;
  readonly alpha: number | undefined;
  /** Ask only whether the head is worse. */
  readonly isOneSided: boolean;
  readonly pairs: number | undefined;
  readonly maxMinutes: number | undefined;
  readonly capacityMs: number;
  /** Whether --capacity is given. */
  readonly isCapacityNamed: boolean;
  /** Whether a regression is profiled. */
  readonly asksWhy: boolean;
  readonly seed: number;
  readonly side: Omit<SideOptions, 'say'>;
  /** Further ones of each upgrade. */
  readonly headers: Readonly<Record<string, string>>;
  /** Whether any TLS certificate is taken. */
  readonly isInsecureAllowed: boolean;
  readonly baseline: string | undefined;
  readonly saveBaseline: string | undefined;
  /** Told what is going to be played: the time limit, and the load where it is one scenario's. */
  readonly onPlanned: (planned: { readonly maxMinutes: number; readonly plan: Plan | undefined }) => void;
  readonly signal: AbortSignal;
}

export const DEFAULT_ALPHA = 0.01;
const DEFAULT_MINUTES = 5;

/** Plays the comparison; null when only a baseline was saved.
 *  @throws FanwireError */
export async function runCompare(request: CompareRequest): Promise<Comparison | null> {
  const suite: Suite =
    request.suite === undefined
      ? { scenarios: [{ name: request.scenario, scenario: request.scenario, plan: request.plan }] }
      : readSuite(request.suite);
  const alpha = request.alpha ?? suite.alpha ?? DEFAULT_ALPHA;
  const limitMs = (request.maxMinutes ?? suite.maxMinutes ?? DEFAULT_MINUTES) * 60_000;
  const progress = new ProgressLine(process.stderr, suite.scenarios.length > 1, alpha, limitMs, request.pairs);
  const say = (line: string): void => progress.say(line);
  const isJudged = request.saveBaseline === undefined && request.baseline === undefined;
  const base = isJudged ? await baseOf(request, say) : undefined;
  const setups = setUp(suite, {
    budget: request.budget,
    capacityMs: request.capacityMs,
    isCapacityNamed: request.isCapacityNamed,
    serveFlags: request.side.serveFlags,
    specs: [request.head, ...(base === undefined ? [] : [base])],
    isFanwire: request.side.start === '',
    isPaired: isJudged,
    say,
  });
  const tell = (planned: readonly ScenarioSetup[]): void =>
    request.onPlanned({ maxMinutes: limitMs / 60_000, plan: planned.length > 1 ? undefined : planned[0]?.plan });
  tell(setups);
  const side: SideOptions = { ...request.side, say };
  if (isJudged) refuseTooFew(setups, request.pairs, alpha, limitMs, say);
  const cores = splitCores(1);
  const { headers, isInsecureAllowed } = request;
  keepHeadersSecret(headers);
  const engine = nativeEngine({ cores: cores.generator, headers, localAddresses: [], isInsecureAllowed });
  const stage: Rig = { engine, headers, cores, signal: request.signal, watch: progress };
  const named = [...(base === undefined ? [] : [{ flag: 'base', spec: base }]), { flag: 'head', spec: request.head }];
  try {
    const built = await resolveSides(named, side);
    const head = built.at(-1) as Side;
    // After the builds, which may have all cores.
    pinProcess(process.pid, cores.generator);
    raisePriority();
    if (!isJudged) {
      return await withBaseline(request, head, { ...stage, setup: setups[0] as ScenarioSetup, alpha, limitMs, say });
    }
    const sides = { base: built[0] as Side, head };
    const scenarios = request.isLoadStrict ? setups : await scaleDefaults(setups, sides, { ...stage, say });
    tell(scenarios);
    return await compare({
      ...stage,
      sides,
      scenarios,
      alpha,
      pairs: request.pairs,
      isOneSided: request.isOneSided,
      limitMs,
      random: mulberry32(request.seed),
      sideBySide: new SideBySide(),
      asksWhy: request.asksWhy,
      rebuild: async () => ({ base: await sides.base.again(), head: await head.again() }),
      say,
    });
  } finally {
    progress.end();
  }
}

/** What --base says, or else the event of a GitHub workflow.
 *  @throws FanwireError FANWIRE_USAGE_COMPARE */
async function baseOf(request: CompareRequest, say: (line: string) => void): Promise<string> {
  if (request.base !== undefined) return request.base;
  const { baseOfEvent } = await import('./sides/event-base.js');
  const base = await baseOfEvent(process.env, request.head);
  if (base !== undefined) {
    say(`base: ${base.commit.slice(0, 9)}, ${base.why}`);
    return base.commit;
  }
  throw new FanwireError(
    'FANWIRE_USAGE_COMPARE',
    'compare needs --base (a git ref, folder, URL or command) or --baseline file; a GitHub workflow has it from its event',
  );
}

/** @throws FanwireError FANWIRE_USAGE_COMPARE_HOPELESS */
function refuseTooFew(
  setups: readonly ScenarioSetup[],
  pairs: number | undefined,
  alpha: number,
  limitMs: number,
  say: (line: string) => void,
): void {
  if (pairs === undefined) {
    refuseHopeless(setups, alpha, limitMs);
    return;
  }
  const gates = setups.reduce((sum, setup) => sum + setup.gates.length, 0);
  const warning = tooFewPairs(pairs, alpha, gates);
  if (warning !== undefined) say(warning);
}

async function withBaseline(
  request: CompareRequest,
  head: Side,
  options: Parameters<typeof compareWithBaseline>[2],
): Promise<Comparison | null> {
  const { plan, capacityMs } = options.setup;
  if (request.saveBaseline === undefined) {
    const now = { host: describeHost(), plan, capacityMs };
    return compareWithBaseline(loadBaseline(request.baseline as string, now), head, options);
  }
  const runs = await playRuns(head, request.pairs ?? 10, options);
  saveBaseline(request.saveBaseline, head.label, plan, capacityMs, runs);
  options.say(`${runs.length} runs of ${head.label} saved in ${request.saveBaseline}`);
  return null;
}

/** 1: judged worse, and nothing else is; 0 unchanged, improved, not worse or undecided; 3 nothing valid was measured,
 *  or, with `isStrict`, nothing was decided. */
export function exitCodeOf(comparison: Comparison, isStrict: boolean): number {
  if (comparison.verdict === 'regressed') return Exit.failed;
  if (!isMeasured(comparison)) return Exit.invalid;
  return isStrict && comparison.verdict === 'inconclusive' ? Exit.invalid : Exit.good;
}
