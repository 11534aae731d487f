// Finds the commit that made the relay worse: `git bisect run` underneath, in a repository beside the user's, a
// comparison a step.

import { spawn } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { FanwireError } from '../../src/base/error.js';
import { countOf } from '../../src/base/page/format.js';
import { signalGroup } from '../system/signal-child.js';
import { bisectQuestion, stepFlags } from './bisect-question.js';
import {
  COMPARISON_FILE,
  reasonIn,
  STEP_USAGE,
  STEPS_FILE,
  type Step,
  type StepTask,
  TASK_FILE,
} from './bisect-step.js';
import { type Comparison, duration } from './comparison.js';
import { CheckoutCache } from './sides/cache.js';
import { shadow } from './sides/checkout.js';
import { git, withoutRepository } from './sides/git.js';
import { commitOf, environmentOf, openRepository } from './sides/repository.js';

const STEP = fileURLToPath(new URL('./bisect-step.js', import.meta.url));
const CLI = fileURLToPath(new URL('../../src/cli.js', import.meta.url));

/** No smaller --alpha is taken. */
const LEAST_ALPHA = 1e-6;

export interface BisectRequest {
  readonly good: string;
  readonly bad: string;
  /** Runs `fanwire`; this one unless given. */
  readonly command?: readonly string[];
  /** Flags of `fanwire compare`, passed on to each step. */
  readonly flags: readonly string[];
  readonly cacheFolder: string;
  readonly signal: AbortSignal;
  readonly say: (line: string) => void;
}

export interface BisectedCommit {
  readonly commit: string;
  readonly subject: string;
}

export interface Bisection {
  readonly schema: 'fanwire.bisection/1';
  readonly good: string;
  readonly bad: string;
  /** What each step was asked: whether the metric is worse than the good commit's by more than `budget` (a fraction).
   *  Absent where the bad commit is worse by no metric but loses messages, or its server ends. */
  readonly asked?: { readonly metric: string; readonly scenario: string; readonly budget: number };
  /** The first bad commit. Where commits were skipped: all that it could be, the oldest first. */
  readonly firstBad: readonly BisectedCommit[];
  readonly steps: readonly Step[];
}

/** Bisects between two commits.
 *  @throws FanwireError FANWIRE_USAGE_BISECT, FANWIRE_BISECT_NOTHING where the bad one is not worse,
 *  FANWIRE_COMPARE_INTERRUPTED */
export async function bisect(request: BisectRequest): Promise<Bisection> {
  const good = await commit('good', request.good);
  const bad = await commit('bad', request.bad);
  await requireSearchable(good, bad);
  const cache = new CheckoutCache(request.cacheFolder);
  const place = cache.scratch();
  try {
    const task: StepTask = {
      command: request.command ?? [process.execPath, CLI],
      flags: ['--cache', request.cacheFolder, ...request.flags],
      good,
      folder: resolve('.'),
    };
    const hand = (flags: readonly string[]): void =>
      writeFileSync(join(place, TASK_FILE), JSON.stringify({ ...task, flags }));
    hand(task.flags);
    request.say(`is ${bad.slice(0, 9)} worse than ${good.slice(0, 9)} at all?`);
    const whole = await requireWorse(place, bad, request);
    const folder = join(place, 'repository');
    await shadow(await openRepository('.'), folder, request.signal);
    const env = environmentOf([]);
    const range = await git(folder, ['rev-list', '--count', `${good}..${bad}`]);
    const count = Math.max(1, Math.ceil(Math.log2(Number(range))));
    const question = bisectQuestion(whole);
    hand([...task.flags, ...stepFlags(question, Math.max(LEAST_ALPHA, whole.alpha / count), task.flags, place)]);
    if (question !== undefined) request.say(question.text);
    request.say(`about ${countOf(count, 'step')} of ${duration(whole.elapsedS)}`);
    await git(folder, ['update-ref', '--no-deref', 'HEAD', bad], { env });
    await git(folder, ['bisect', 'start', '--no-checkout', bad, good], { env });
    // BISECT_HEAD stands for the checkout that --no-checkout leaves out.
    const step = 'exec "$0" "$@" "$(git rev-parse BISECT_HEAD)"';
    const words = ['bisect', 'run', 'sh', '-c', step, process.execPath, STEP, place];
    // 2: only skipped commits are left.
    const status = await run(['git', '-C', folder, ...words], env, request.signal);
    if (status.code !== 0 && status.code !== 2) throw nothing(`git bisect failed: ${status.last}`);
    const asked = question && { metric: question.metric, scenario: question.scenario, budget: question.budget };
    const firstBad = await candidates(folder);
    return { schema: 'fanwire.bisection/1', good, bad, ...(asked && { asked }), firstBad, steps: stepsOf(place) };
  } finally {
    cache.remove(place);
  }
}

/** Told before anything is played. @throws FanwireError FANWIRE_USAGE_BISECT where no commit lies between the two */
async function requireSearchable(good: string, bad: string): Promise<void> {
  const [from, to] = [good.slice(0, 9), bad.slice(0, 9)];
  if (good === bad) throw usage(`--good and --bad are the same commit, ${from}`);
  const common = await git('.', ['merge-base', good, bad]).catch(() => '');
  if (common.trim() === bad) throw usage(`--bad ${to} is before --good ${from}: swap them`);
  if (common === '') {
    throw usage(
      `--good ${from} and --bad ${to} have no commit in common: name two of one history (git fetch --unshallow in a shallow clone)`,
    );
  }
}

async function commit(flag: string, ref: string): Promise<string> {
  const found = await commitOf('.', ref);
  if ('commit' in found) return found.commit;
  throw usage(`--${flag} ${ref} is no commit: ${found.why}`);
}

/** Without it every step would be good, and the last commit blamed. Returns the comparison that says so. */
async function requireWorse(place: string, bad: string, { signal }: BisectRequest): Promise<Comparison> {
  const { code, last } = await run([process.execPath, STEP, place, bad], {}, signal);
  if (code === STEP_USAGE) throw usage(last.replace(/^fanwire: /, ''));
  const [step] = stepsOf(place);
  if (step?.word === 'bad') return JSON.parse(readFileSync(join(place, COMPARISON_FILE), 'utf8')) as Comparison;
  const why = step?.word === 'good' ? 'is not worse than the good one by these budgets' : 'could not be judged';
  throw nothing(`the bad commit ${why}: ${step?.reason ?? reasonIn(last)}`);
}

/** Commits that are bad or skipped with nothing good behind them, the oldest first. */
async function candidates(folder: string): Promise<BisectedCommit[]> {
  const goods = (await git(folder, ['for-each-ref', '--format=%(refname)', 'refs/bisect/'])).split('\n');
  const not = goods.filter((ref) => ref.includes('/good-'));
  const list = await git(folder, ['log', '--reverse', '--format=%H%x09%s', 'refs/bisect/bad', '--not', ...not]);
  return list
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => ({ commit: line.slice(0, line.indexOf('\t')), subject: line.slice(line.indexOf('\t') + 1) }));
}

function stepsOf(place: string): Step[] {
  const file = join(place, STEPS_FILE);
  if (!existsSync(file)) return [];
  const lines = readFileSync(file, 'utf8').trim().split('\n');
  return lines.map((line) => JSON.parse(line) as Step);
}

/** Runs a program to its end in a process group of its own, so that an interrupt reaches the comparison below it, and
 *  that one ends its servers. Tells its last line. @throws the reason of `signal` */
async function run(
  program: readonly string[],
  env: NodeJS.ProcessEnv,
  signal: AbortSignal,
): Promise<{ readonly code: number; readonly last: string }> {
  signal.throwIfAborted();
  const [file, ...args] = program;
  const child = spawn(file as string, args, {
    env: { ...withoutRepository(process.env), ...env, LC_ALL: 'C' },
    stdio: ['ignore', 'ignore', 'pipe'],
    detached: true,
  });
  const interrupt = (): void => void signalGroup(child, 'SIGINT');
  signal.addEventListener('abort', interrupt, { once: true });
  let last = '';
  const lines = createInterface({ input: child.stderr as NodeJS.ReadableStream });
  lines.on('line', (line) => {
    last = line;
    if (line.startsWith('bisect: ')) process.stderr.write(`${line}\n`);
  });
  try {
    const code = await new Promise<number>((done, fail) => {
      child.once('error', fail);
      child.once('close', (status) => done(status ?? 1));
    });
    signal.throwIfAborted();
    return { code, last };
  } finally {
    signal.removeEventListener('abort', interrupt);
  }
}

function nothing(message: string): FanwireError {
  return new FanwireError('FANWIRE_BISECT_NOTHING', message);
}

function usage(message: string): FanwireError {
  return new FanwireError('FANWIRE_USAGE_BISECT', message);
}
