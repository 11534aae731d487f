// Flags of the scripts behind `npm run`: `--help` lists them, and a wrong one is one line and exit code 2, as in
// `fanwire`.
import { Command, InvalidArgumentError } from 'commander';
import { Exit } from '../../src/base/exit-codes.js';
import { usageLine } from '../../src/base/usage-line.js';

export function scriptCommand(name: string, description: string): Command {
  return new Command(name)
    .description(description)
    .configureOutput({ outputError: (text, write) => write(usageLine(name, text)) })
    .exitOverride((end) => process.exit(end.exitCode === 0 ? Exit.good : Exit.usage));
}

/** An argument parser of commander's. */
export function positive(text: string): number {
  const value = Number(text);
  if (value > 0 && Number.isFinite(value)) return value;
  throw new InvalidArgumentError(`It must be a number above 0, got ${JSON.stringify(text)}.`);
}

export function positiveWholeNumber(text: string): number {
  return wholeNumber(String(positive(text)));
}

/** An argument parser of commander's; 0 is one. */
export function wholeNumber(text: string): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(value)) return value;
  throw new InvalidArgumentError(`It must be a whole number, got ${JSON.stringify(text)}.`);
}
