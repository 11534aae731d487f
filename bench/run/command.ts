// `fanwire bench` behind its flags: target, engine, runs, one result, an exit code.

import { FanwireError } from '../../src/base/error.js';
import { Exit } from '../../src/base/exit-codes.js';
import { autocannonEngine } from '../engines/autocannon.js';
import type { Engine, Progress } from '../engines/engine.js';
import { k6Engine } from '../engines/k6.js';
import { nativeEngine } from '../engines/native.js';
import { pinProcess, splitCores } from '../measure/pinning.js';
import { raisePriority } from '../measure/priority.js';
import { judge } from '../report/verdict.js';
import type { Result } from '../result/result.js';
import { validateResult } from '../result/result-validate.js';
import { missedTerms, parseSlo } from '../result/slo.js';
import { scenarioNamed } from '../scenarios/all.js';
import { PLAN_DEFAULTS, type Plan, type Scenario } from '../scenarios/scenario.js';
import { keepHeadersSecret } from '../targets/secrets.js';
import type { Target } from '../targets/target.js';
import { isOwn, startTarget, type TargetOptions } from './choose-target.js';
import { measureFloor } from './floor.js';
import { ProgressBar } from './progress-bar.js';
import { playPlan } from './run.js';
import { probePlan, type Scaled, scaleBy } from './scale.js';
import { requireStatable } from './statable.js';
import { playSearch, playSweep } from './steps.js';

export interface BenchRequest {
  readonly scenario: string;
  /** What flags and scenario file set; the scenario's defaults apply to the rest. */
  readonly plan: Partial<Plan>;
  readonly slo: string | undefined;
  /** Without one: the scenario's, else native. */
  readonly engine: string | undefined;
  readonly target: TargetOptions;
  readonly isPinned: boolean;
  /** Play the scenario's load as it is, whatever this machine can carry. */
  readonly isLoadStrict: boolean;
  /** No line of progress where stderr is no terminal. */
  readonly isQuiet: boolean;
  /** What reports call this run; undefined: by its target and what differs. */
  readonly label: string | undefined;
  readonly headers: Readonly<Record<string, string>>;
  readonly localAddresses: readonly string[];
  readonly isInsecureAllowed: boolean;
  readonly signal: AbortSignal;
}

/** Plays the scenario and gives its result. The target is ended whatever happens.
 *  @throws FanwireError */
export async function runBench(request: BenchRequest): Promise<Result> {
  const scenario = scenarioNamed(request.scenario);
  const given: Plan = { ...PLAN_DEFAULTS, ...scenario.defaults, ...request.plan, scenario: scenario.name };
  // A scenario's own windows are for relays that are started for it.
  const plan = isOwn(request.target) || request.plan.deliver !== undefined ? given : { ...given, deliver: '' };
  requireConsistent(scenario, plan);
  const slo = request.slo ?? scenario.search?.slo;
  const terms = slo === undefined ? [] : parseSlo(slo);
  if (scenario.engine !== 'autocannon')
    requireStatable({ ...plan, rate: scenario.search?.minRate ?? plan.rate }, terms);
  const { nodes = 1, workers = 1 } = request.target;
  const cores = request.isPinned ? splitCores(nodes * workers) : { server: [], generator: [] };
  pinProcess(process.pid, cores.generator);
  if (request.isPinned && !request.target.urls.some(isHere)) raisePriority();
  const engine = createEngine(scenario, request, cores.generator);
  const floorMs =
    scenario.engine === undefined ? await measureFloor(engine, plan, cores.server, request.signal) : undefined;
  const needs = { admin: scenario.paths !== undefined };
  const target = await startTarget(request.target, plan, cores.server, needs, request.signal);
  const bar = new ProgressBar(process.stderr, request.isQuiet);
  const playOnce = (step: Plan, label: string, objective = terms) => {
    bar.begin(`${scenario.name} ${label}`.trimEnd(), step);
    const hooks = { progress: (now: Progress) => bar.show(now), signal: request.signal, objective };
    return playPlan(engine, step, target, hooks);
  };
  try {
    const { plan: load, remark } = await carried(scenario, plan, request, (probe) => playOnce(probe, 'probe', []));
    if (remark !== undefined) bar.say(`${scenario.name}: ${remark}`);
    const result = withEnding(await playAll(scenario, load, terms, playOnce), target);
    const params = {
      ...result.params,
      ...(slo !== undefined && { slo }),
      ...(request.label !== undefined && { label: request.label }),
    };
    const remarks = [...(remark === undefined ? [] : [remark]), ...(result.remarks ?? [])];
    const generator = { ...result.generator, ...(floorMs !== undefined && { floorMs }) };
    const whole = { ...result, generator, params, ...(remarks.length > 0 && { remarks }) };
    return validateResult(whole, 'the result of this run');
  } finally {
    bar.end();
    await target.stop();
  }
}

/** A server that is gone has failed, also where the run that shows is not the one that counts. */
function withEnding(result: Result, target: Target): Result {
  const ending = target.ending?.();
  return ending === undefined || result.serverFaults !== undefined ? result : { ...result, serverFaults: [ending] };
}

export interface Outcome {
  readonly code: number;
  /** Terms of the objective that were missed. */
  readonly missed: readonly string[];
  /** What else was wrong. */
  readonly faults: readonly string[];
}

/** What the process should exit with, and why. */
export function exitCodeOf(result: Result, slo: string | undefined): Outcome {
  const { kind, faults } = judge(result);
  if (kind === 'invalid') return { code: Exit.invalid, missed: [], faults: [] };
  const objective = slo ?? (typeof result.params.slo === 'string' ? result.params.slo : undefined);
  // A run that failed and is not valid either has no figure to hold against the objective.
  const missed = objective === undefined || !result.valid ? [] : missedTerms(parseSlo(objective), result);
  return { code: kind === 'good' && missed.length === 0 ? Exit.good : Exit.failed, missed, faults };
}

/** Whether `url` is of this machine: a server that somebody else started keeps its own priority, and must not wait for
 *  ours. */
function isHere(url: string): boolean {
  return URL.canParse(url) && /^(localhost|127\..*|\[::1\])$/.test(new URL(url).hostname);
}

/** The load to play: the default one as far as this machine and server carry it, what was named as it is. */
async function carried(
  scenario: Scenario,
  plan: Plan,
  request: BenchRequest,
  probe: (plan: Plan) => Promise<Result>,
): Promise<Scaled> {
  const isDefault = request.plan.subscribers === undefined && request.plan.rate === undefined;
  const isSteps = scenario.sweep !== undefined || scenario.search !== undefined;
  const isPublished = plan.rate > 0 && plan.publishers > 0 && scenario.engine !== 'autocannon';
  if (request.isLoadStrict || !isDefault || isSteps || !isPublished) return { plan, remark: undefined };
  return scaleBy(await probe(probePlan(plan)), plan, request.plan);
}

function playAll(
  scenario: Scenario,
  plan: Plan,
  terms: ReturnType<typeof parseSlo>,
  playOnce: Parameters<typeof playSweep>[3],
): Promise<Result> {
  if (scenario.sweep !== undefined) return playSweep(plan, scenario.sweep, terms, playOnce);
  if (scenario.search !== undefined) return playSearch(plan, scenario.search, terms, playOnce);
  return playOnce(plan, '');
}

/** @throws FanwireError FANWIRE_USAGE_ENGINE */
function createEngine(scenario: Scenario, request: BenchRequest, cores: readonly number[]): Engine {
  const { headers, localAddresses, isInsecureAllowed, slo = '' } = request;
  keepHeadersSecret(headers);
  const name = request.engine ?? scenario.engine ?? 'native';
  const refuse = (message: string) => new FanwireError('FANWIRE_USAGE_ENGINE', message);
  if (!['native', 'k6', 'autocannon'].includes(name)) {
    throw refuse(`--engine must be native, k6 or autocannon, got ${name}`);
  }
  if ((name === 'autocannon') !== (scenario.engine === 'autocannon')) {
    throw refuse(
      `--engine ${name} cannot play ${scenario.name}: autocannon plays http-publish and http-admin, native and k6 the others`,
    );
  }
  if (name === 'autocannon') return autocannonEngine({ paths: scenario.paths ?? [], headers });
  if (name === 'k6') return k6Engine({ cores, slo, headers, localAddresses, isInsecureAllowed });
  return nativeEngine({ cores, headers, localAddresses, isInsecureAllowed });
}

/** Parameters that make no sense together.
 *  @throws FanwireError FANWIRE_USAGE_BENCH_PLAN */
function requireConsistent(scenario: Scenario, plan: Plan): void {
  const refuse = (message: string) => {
    throw new FanwireError('FANWIRE_USAGE_BENCH_PLAN', message);
  };
  if (scenario.engine === 'autocannon') return;
  if (plan.subscribers + plan.stalledSubscribers === 0) refuse('--subscribers must be 1 or more: nobody would listen');
  if (plan.rate > 0 && plan.publishers === 0) refuse(`--rate ${plan.rate} needs --publishers 1 or more`);
  if (plan.topics > plan.subscribers) {
    refuse(
      `--topics ${plan.topics} is more than --subscribers ${plan.subscribers}: some topics would have no listener`,
    );
  }
}
