#!/usr/bin/env node
// The `fanwire` command. It only loads the program: where the process may not open enough files, that is what fails.
import { Exit } from './base/exit-codes.js';
import { openFilesError } from './base/open-files.js';

try {
  await import('./cli/program.js');
} catch (error) {
  const tooFew = openFilesError(error);
  if (tooFew === undefined) throw error;
  process.stderr.write(`fanwire: ${tooFew.message} [${tooFew.code}]\n`);
  process.exit(Exit.failed);
}
