// The schema as command-line flags: declares them on a commander command, with --config, and reads back what was given.
import { type Command, Option as Flag } from 'commander';
import { type Option, shownDefault } from './option.js';
import { groups, options } from './schema.js';

function notes(option: Option): string {
  const { unit, zero, type } = option;
  const parts: string[] = [];
  if (unit !== undefined) parts.push(unit.startsWith('per ') ? unit : `in ${unit}`);
  const shown = shownDefault(option);
  if (shown !== '') parts.push(`default ${shown}`);
  if (zero !== undefined) parts.push(`0 = ${zero}`);
  if (type.description?.startsWith('one of ')) parts.push(type.description);
  return parts.length === 0 ? '' : ` (${parts.join('; ')})`;
}

function flagsFor(option: Option, heading: string): Flag[] {
  const description = `${option.description}${notes(option)}`;
  if (typeof option.default === 'boolean') {
    const on = new Flag(`--${option.flag}`, description).helpGroup(heading);
    return [on, new Flag(`--no-${option.flag}`).hideHelp()];
  }
  const flag = new Flag(`--${option.flag} <${option.argument ?? 'value'}>`, description).helpGroup(heading);
  if (Array.isArray(option.default)) {
    // Given more than once, a list grows.
    flag.argParser((value: string, earlier?: string) => (earlier === undefined ? value : `${earlier},${value}`));
  }
  return [flag];
}

/** Declares every option of the schema on `command`, under its group's heading, and `--config`. */
export function declareFlags(command: Command): void {
  for (const { title, options: members } of groups) {
    for (const option of Object.values(members) as Option[]) {
      for (const flag of flagsFor(option, `${title}:`)) command.addOption(flag);
    }
  }
  command.optionsGroup('Configuration:');
  command.option('--config <file>', 'JSON file with any of the keys that --print-config shows');
}

/** What was given on the command line, by config key. */
export function givenFlags(command: Command): Record<string, unknown> {
  const given: Record<string, unknown> = {};
  for (const [key, { flag }] of Object.entries(options)) {
    const attribute = new Flag(`--${flag}`).attributeName();
    if (command.getOptionValueSource(attribute) === 'cli') given[key] = command.getOptionValue(attribute);
  }
  return given;
}
