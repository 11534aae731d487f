// The command to paste after a run that could not be judged: the same one, with the flags that would mend it.

import type { Result } from '../result/result.js';
import type { Plan } from '../scenarios/scenario.js';
import { shownArguments } from '../targets/secrets.js';
import { messagesFor } from './statable.js';

/** A load that a busy generator can carry, as a part of what was asked. */
const LIGHTER = 0.5;
const FEW_SUBSCRIBERS = 40;

/** What to give instead, by flag; null: the flag is left out. */
export type Changes = Readonly<Record<string, string | null>>;

/** What is read of a run that could not be judged. */
export type Unjudged = Pick<Result, 'params' | 'engine'> & {
  readonly invalidReasons: readonly string[];
  readonly generator: Pick<Result['generator'], 'cpu'>;
};

/** The command line of a run that should be valid; the same one where no flag would help, for what a neighbour did.
 *  `args` is what this one was given after `fanwire`, `launcher` what stands before it. */
export function mendedCommand(result: Unjudged, args: readonly string[], launcher: string): string {
  return withFlags(args, changesFor(result), launcher);
}

/** The command line of `args` with other values for some flags, and none of its secrets. */
export function withFlags(args: readonly string[], changes: Changes, launcher: string): string {
  const kept: string[] = [];
  for (let i = 0; i < args.length; i++) {
    const arg = args[i] as string;
    const flag = /^--([a-z-]+)/.exec(arg)?.[1];
    if (flag === undefined || !(flag in changes)) kept.push(arg);
    else if (!arg.includes('=') && changes[flag] !== null && !args[i + 1]?.startsWith('--')) i++;
  }
  const added = Object.entries(changes).flatMap(([flag, value]) => (value === null ? [] : [`--${flag}`, value]));
  return [launcher, ...[...shownArguments(kept), ...added.filter((part) => part !== '')].map(quoted)].join(' ');
}

function changesFor({ invalidReasons, params, generator, engine }: Unjudged): Changes {
  const plan = params as unknown as Plan;
  const changes: Record<string, string | null> = {};
  const says = (pattern: RegExp) => invalidReasons.some((reason) => pattern.test(reason));
  const isLate = says(
    /generator was the bottleneck|other processes used|k6 was saturated|k6 itself needs|did not finish/,
  );
  let { subscribers, rate } = plan;
  if (isLate && typeof subscribers === 'number' && typeof rate === 'number' && rate > 0) {
    const factor = Math.min(LIGHTER, 0.5 / Math.max(0.5, generator.cpu));
    if (subscribers > Math.max(FEW_SUBSCRIBERS, plan.topics)) {
      subscribers = Math.max(plan.topics, Math.round(subscribers * factor));
      changes.subscribers = String(subscribers);
    } else {
      rate = Math.max(1, Math.round(rate * factor));
      changes.rate = String(rate);
    }
  }
  if (isLate || says(/\btoo few/)) {
    const needed = messagesFor({ ...plan, subscribers }, 99);
    if (rate > 0 && rate * plan.durationS < needed) changes.duration = String(Math.ceil((needed * 1.1) / rate));
  }
  if (says(/opened only after measuring|before their publisher had connected/)) {
    changes['connect-rate'] = String(Math.max(20, Math.round((plan.connectRate || 1000) / 4)));
  }
  if (says(/ran out of ports/)) changes['local-address'] = '127.0.0.2';
  if (says(/reached a subscriber of another topic/)) changes['topic-prefix'] = `bench-${process.pid}-`;
  if (engine === 'k6' && says(/clock/)) changes.engine = 'native';
  return changes;
}

function quoted(arg: string): string {
  return /^[\w@%+=:,./-]+$/.test(arg) ? arg : `'${arg.replaceAll("'", "'\\''")}'`;
}
