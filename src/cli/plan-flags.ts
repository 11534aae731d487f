// The flags of `fanwire bench` and `fanwire compare` that vary what a scenario does.
import { type Command, Option as Flag } from 'commander';
import { type PlanOption, parsePlanValue, planOptions } from '../../bench/scenarios/plan-options.js';
import { PLAN_DEFAULTS, type Plan } from '../../bench/scenarios/scenario.js';

/** Declares a flag for each parameter of a plan; `note` is put in brackets behind its description. */
export function declarePlanFlags(command: Command, note: (option: PlanOption) => string): void {
  for (const option of planOptions) command.addOption(planFlag(option, note(option)));
}

function planFlag(option: PlanOption, note: string): Flag {
  const { key, flag, description } = option;
  const usual = PLAN_DEFAULTS[key];
  if (typeof usual === 'boolean') return new Flag(`--${flag}`, description);
  const text = note === '' ? description : `${description} (${note})`;
  return new Flag(`--${flag} <${typeof usual === 'number' ? 'n' : 'text'}>`, text).argParser((value) =>
    parsePlanValue(option, value),
  );
}

/** The parameters that were given as flags. */
export function givenPlan(command: Command): Partial<Plan> {
  const given = planOptions.map(({ key, flag }) => [
    key,
    command.getOptionValue(new Flag(`--${flag}`).attributeName()),
  ]);
  return Object.fromEntries(given.filter(([, value]) => value !== undefined));
}
