// What `git bisect run` calls for a commit: a comparison with the good one, whose exit code becomes git's (0 good, 1
// bad, 125 skip).

import { spawnSync } from 'node:child_process';
import { appendFileSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Exit } from '../../src/base/exit-codes.js';
import type { Comparison } from './comparison.js';

/** What the parent hands over, in a file of the bisection's folder. */
export interface StepTask {
  /** Runs `fanwire`. */
  readonly command: readonly string[];
  /** Flags of `fanwire compare` beside the sides. */
  readonly flags: readonly string[];
  readonly good: string;
  /** Where the user called it. */
  readonly folder: string;
}

export interface Step {
  readonly commit: string;
  readonly word: 'good' | 'bad' | 'skipped';
  /** The comparison's first reason, or why there was none. */
  readonly reason: string;
}

export const TASK_FILE = 'task.json';
export const STEPS_FILE = 'steps.jsonl';
/** The latest comparison. */
export const COMPARISON_FILE = 'comparison.json';
const SKIP = 125;
/** Codes from 128 on end the bisection. */
export const STEP_USAGE = 129;
const STEP_INTERRUPTED = 130;

/** What a comparison said when it ended, without its name and code: a command to try may stand behind it. */
export function reasonIn(stderr: string): string {
  const lines = stderr.trim().split('\n');
  const line = lines.findLast((one) => one.startsWith('fanwire: ')) ?? lines.at(-1) ?? '';
  return line.replace(/^fanwire: /, '').replace(/ \[FANWIRE_\w+\]$/, '');
}

/** Compares `commit` with the good one. A number instead is the exit code that ends the whole bisection. */
function judgeCommit(place: string, commit: string): Step | number {
  const task = JSON.parse(readFileSync(join(place, TASK_FILE), 'utf8')) as StepTask;
  const json = join(place, COMPARISON_FILE);
  rmSync(json, { force: true });
  const [program, ...args] = task.command;
  const sides = ['--base', task.good, '--head', commit, '--json', json];
  const how = ['--one-sided', '--strict', '--quiet', '--no-why'];
  const { status, stderr } = spawnSync(program as string, [...args, 'compare', ...sides, ...how, ...task.flags], {
    cwd: task.folder,
    encoding: 'utf8',
    stdio: ['ignore', 'ignore', 'pipe'],
    maxBuffer: 64 << 20,
  });
  if (status === Exit.usage || status === Exit.interrupted || status === null) {
    process.stderr.write(stderr);
    return status === Exit.usage ? STEP_USAGE : STEP_INTERRUPTED;
  }
  const word = status === 0 ? 'good' : status === 1 ? 'bad' : 'skipped';
  const step: Step = { commit, word, reason: reasonOf(json) ?? reasonIn(stderr) };
  appendFileSync(join(place, STEPS_FILE), `${JSON.stringify(step)}\n`);
  return step;
}

function reasonOf(json: string): string | undefined {
  try {
    const { verdict, reasons } = JSON.parse(readFileSync(json, 'utf8')) as Comparison;
    return reasons[0] ?? verdict;
  } catch {
    return undefined;
  }
}

const [, script, place, commit] = process.argv;
if (script?.endsWith('bisect-step.js') && place !== undefined && commit !== undefined) {
  const step = judgeCommit(place, commit);
  if (typeof step === 'number') process.exit(step);
  process.stderr.write(`bisect: ${commit.slice(0, 9)} ${step.word}: ${step.reason}\n`);
  process.exitCode = { good: 0, bad: 1, skipped: SKIP }[step.word];
}
