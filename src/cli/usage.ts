// What a command line that cannot be understood is told: what is wrong with it, and what to try.
import type { Command, CommanderError } from 'commander';
import { usageLine } from '../base/usage-line.js';

/** One line for stderr. @param args what the command line said */
export function usageError(program: Command, error: CommanderError, args: readonly string[]): string {
  return usageLine('fanwire', wordsOf(program, error), mendOf(program, args));
}

/** What commander says; too many arguments it only counts, so those are named here. */
function wordsOf(program: Command, { code, message }: CommanderError): string {
  const command = code === 'commander.excessArguments' ? withExcess(program) : undefined;
  if (command === undefined) return message;
  const excess = command.args.slice(command.registeredArguments.length);
  return `${command.name()} does not take ${excess.map((argument) => JSON.stringify(argument)).join(' ')}`;
}

function withExcess(command: Command): Command | undefined {
  const { args, commands, registeredArguments } = command;
  for (const each of commands) {
    const found = withExcess(each);
    if (found !== undefined) return found;
  }
  const takesOnlyCommands = commands.length > 0 && registeredArguments.length === 0;
  return !takesOnlyCommands && args.length > registeredArguments.length ? command : undefined;
}

/** A flag before any command is most often one of `serve`, as in `docker run fanwire --workers 2`. */
function mendOf({ commands }: Command, [first = '']: readonly string[]): string {
  const flag = first.split('=')[0];
  const isOfServe = commands.some((each) => each.name() === 'serve' && each.options.some(({ long }) => long === flag));
  if (isOfServe) return `try fanwire serve ${flag} …`;
  const command = commands.find((each) => each.name() === first);
  return command === undefined ? 'see fanwire --help' : `see fanwire ${first} --help`;
}
