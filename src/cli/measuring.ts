// What a command that judges does with everything that ends it without a verdict: exit code 3, never 1, which means
// "judged worse".

import { FanwireError } from '../base/error.js';
import { exitCodeFor } from '../base/error-codes.js';
import { Exit } from '../base/exit-codes.js';
import { openFilesError } from '../base/open-files.js';

/** The user's doing: these keep their own exit codes. */
const USERS: readonly number[] = [Exit.usage, Exit.interrupted];

/** Runs `work`; a failure leaves at once with 3 and its reason, also one that nobody caught. Once `work` has set an
 *  exit code, it has judged: then that one stands. */
export async function measuring(work: () => Promise<void>, failure = 'nothing was measured'): Promise<void> {
  const leave = (error: unknown): never => leaveWith(error, failure);
  process.once('uncaughtException', leave);
  try {
    await work();
  } catch (error) {
    if (error instanceof FanwireError && USERS.includes(exitCodeFor(error.code))) throw error;
    leave(error);
  } finally {
    process.off('uncaughtException', leave);
  }
}

function leaveWith(thrown: unknown, failure: string): never {
  const error = openFilesError(thrown) ?? thrown;
  const hasJudged = Boolean(process.exitCode);
  const what = hasJudged ? '' : `${failure}: `;
  if (error instanceof FanwireError) process.stderr.write(`fanwire: ${what}${error.message} [${error.code}]\n`);
  else {
    const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
    process.stderr.write(`fanwire: ${what}a fault of its own (please report it): ${stack}\n`);
  }
  process.exit(hasJudged ? process.exitCode : Exit.invalid);
}
