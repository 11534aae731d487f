// The command to paste after a run that could not be judged: the same one, with the flags that would mend it.

import type { Result } from '../result/result.js';
import type { Plan } from '../scenarios/scenario.js';
import { messagesFor } from './statable.js';

/** A load that a busy generator can carry, as a part of what was asked. */
const LIGHTER = 0.5;
const FEW_SUBSCRIBERS = 40;

/** What to give instead, by flag; null: the flag is left out. */
type Changes = Readonly<Record<string, string | null>>;

/** The command line of a run that should be valid, or undefined where no flag would help. `args` is what this one was
 *  given after `fanwire`, `launcher` what stands before it. */
export function mendedCommand(result: Result, args: readonly string[], launcher: string): string | undefined {
  const changes = changesFor(result);
  if (Object.keys(changes).length === 0) return undefined;
  const kept: string[] = [];
  for (let i = 0; i < args.length; i++) {
    const arg = args[i] as string;
    const flag = /^--([a-z-]+)/.exec(arg)?.[1];
    if (flag === undefined || !(flag in changes)) kept.push(arg);
    else if (!arg.includes('=') && changes[flag] !== null && !args[i + 1]?.startsWith('--')) i++;
  }
  const added = Object.entries(changes).flatMap(([flag, value]) => (value === null ? [] : [`--${flag}`, value]));
  return [launcher, ...[...kept, ...added.filter((part) => part !== '')].map(quoted)].join(' ');
}

function changesFor({ invalidReasons, params, generator, engine }: Result): Changes {
  const plan = params as unknown as Plan;
  const changes: Record<string, string | null> = {};
  const says = (pattern: RegExp) => invalidReasons.some((reason) => pattern.test(reason));
  const isLate = says(/generator was the bottleneck|other processes used|k6 was saturated|k6 itself needs/);
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
  if (isLate || says(/^too few/)) {
    const needed = messagesFor({ ...plan, subscribers }, 99);
    if (rate > 0 && rate * plan.durationS < needed) changes.duration = String(Math.ceil((needed * 1.1) / rate));
  }
  if (says(/opened only after measuring|before their publisher had connected/)) {
    changes['connect-rate'] = String(Math.max(20, Math.round((plan.connectRate || 1000) / 4)));
  }
  if (says(/ran out of ports/)) changes['local-address'] = '127.0.0.2';
  if (engine === 'k6' && says(/clock/)) changes.engine = 'native';
  return changes;
}

function quoted(arg: string): string {
  return /^[\w@%+=:,./-]+$/.test(arg) ? arg : `'${arg.replaceAll("'", "'\\''")}'`;
}
