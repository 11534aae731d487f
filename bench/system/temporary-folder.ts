// A folder for the time of one run; whoever asks for it removes it.
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FanwireError } from '../../src/base/error.js';

/** @throws FanwireError FANWIRE_TEMPORARY_FOLDER where none can be made */
export function temporaryFolder(prefix: string): string {
  try {
    return mkdtempSync(join(tmpdir(), prefix));
  } catch (error) {
    const { code = 'unknown error' } = error as NodeJS.ErrnoException;
    throw new FanwireError(
      'FANWIRE_TEMPORARY_FOLDER',
      `no folder can be made in ${tmpdir()} (${code}): set TMPDIR to one that can be written to`,
    );
  }
}
