#!/usr/bin/env node
// The `fanwire` command. It only loads the program: where the process may not open enough files, that is what fails.
import { holdEndSignals } from './base/end-signals.js';
import { Exit } from './base/exit-codes.js';
import { openFilesError } from './base/open-files.js';

/** 1 of these means "judged worse": a program that cannot be loaded has judged nothing. */
const JUDGING = ['compare', 'bisect', 'conform'];

// Loading takes a third of a second, in which a relay may already be told to go.
if (process.argv[2] === 'serve') holdEndSignals();

try {
  await import('./cli/program.js');
} catch (error) {
  const judges = JUDGING.includes(process.argv[2] ?? '');
  const tooFew = openFilesError(error);
  if (tooFew === undefined && !judges) throw error;
  const line = tooFew === undefined ? `cannot be loaded: ${error}` : `${tooFew.message} [${tooFew.code}]`;
  process.stderr.write(`fanwire: ${line}\n`);
  process.exit(judges ? Exit.invalid : Exit.failed);
}
