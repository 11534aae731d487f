// A schema as command-line flags: declares them on a commander command, with --config, and reads back what was given.
import { type Command, Option as Flag } from 'commander';
import { type Option, optionsOf, type Schema, shownDefault } from './option.js';
import type { Sources } from './sources.js';

function notes(option: Option): string {
  const { unit, zero, type, usually } = option;
  const parts: string[] = [];
  if (unit !== undefined) parts.push(unit.startsWith('per ') ? unit : `in ${unit}`);
  const shown = shownDefault(option);
  if (usually !== undefined) parts.push(usually);
  else if (shown !== '' && typeof option.default !== 'boolean') parts.push(`default ${shown}`);
  if (zero !== undefined) parts.push(`0 = ${zero}`);
  if (type.description?.startsWith('one of ')) parts.push(type.description);
  if (option.repeats || option.joinedBy !== undefined) parts.push('repeatable');
  return parts.length === 0 ? '' : ` (${parts.join('; ')})`;
}

function flagsFor(option: Option, heading: string): Flag[] {
  const description = `${option.description}${notes(option)}`;
  const letter = option.letter === undefined ? '' : `-${option.letter}, `;
  const on = `${letter}--${option.flag}`;
  const off = `--no-${option.flag}`;
  if (typeof option.default === 'boolean') {
    const [shown, hidden] = option.default ? [off, on] : [on, off];
    return [new Flag(shown, description).helpGroup(heading), new Flag(hidden).hideHelp()];
  }
  const flag = new Flag(`${on} <${option.argument ?? 'value'}>`, description).helpGroup(heading);
  if (option.repeats) flag.argParser((value: string, earlier: string[] = []) => [...earlier, value]);
  else if (option.joinedBy !== undefined || Array.isArray(option.default)) {
    // Given more than once, a list grows.
    const { joinedBy = ',' } = option;
    flag.argParser((value: string, earlier?: string) => (earlier ? `${earlier}${joinedBy}${value}` : value));
  }
  return [flag];
}

/** Declares every option of the schema on `command`, under its group's heading, and `--config`. */
export function declareFlags(command: Command, schema: Schema): void {
  for (const { title, options: members } of schema.groups) {
    for (const option of Object.values(members)) {
      for (const flag of flagsFor(option, `${title}:`)) command.addOption(flag);
    }
  }
  command.optionsGroup('Configuration:');
  command.addHelpOption(new Flag('-h, --help', 'display help for command').helpGroup('Configuration:'));
  command.option('--config <file>', 'JSON file with any of the options by their keys');
}

/** What a command was given: its flags, the environment, and the file of --config. */
export function givenTo(command: Command, schema: Schema): Sources {
  const flags: Record<string, unknown> = {};
  for (const [key, { flag }] of Object.entries(optionsOf(schema))) {
    const attribute = new Flag(`--${flag}`).attributeName();
    if (command.getOptionValueSource(attribute) === 'cli') flags[key] = command.getOptionValue(attribute);
  }
  return { flags, env: process.env, file: command.getOptionValue('config') as string | undefined };
}
