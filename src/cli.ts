#!/usr/bin/env node
// The `fanwire` command. It only loads the program: where the process may not open enough files, that is what fails.
// What says so is loaded first, one module after the other, which takes the fewest files.

/** 1 of these means "judged worse": a program that cannot be loaded has judged nothing. */
const JUDGING = ['compare', 'bisect', 'conform'];

const command = process.argv[2] ?? '';
// Loading takes a third of a second, in which a relay may already be told to go.
if (command === 'serve') (await import('./base/end-signals.js')).holdEndSignals();
const { Exit } = await import('./base/exit-codes.js');
const { openFilesError } = await import('./base/open-files.js');

try {
  await import('./cli/program.js');
} catch (error) {
  const judges = JUDGING.includes(command);
  const tooFew = openFilesError(error);
  if (tooFew === undefined && !judges) throw error;
  const line = tooFew === undefined ? `cannot be loaded: ${error}` : `${tooFew.message} [${tooFew.code}]`;
  process.stderr.write(`fanwire: ${line}\n`);
  process.exit(judges ? Exit.invalid : Exit.failed);
}

export {};
