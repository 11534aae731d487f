// How a command that judges ends without a verdict: with exit code 3, never 1, which means "judged worse".

import { setImmediate as nextTurn } from 'node:timers/promises';
import { FanwireError } from '../base/error.js';
import { exitCodeFor } from '../base/error-codes.js';
import { Exit } from '../base/exit-codes.js';
import { openFilesError } from '../base/open-files.js';

/** The user's doing: these keep their own exit codes. */
const USERS: readonly number[] = [Exit.usage, Exit.interrupted];

/** Runs `work`. A failure, caught or not, ends the process at once with code 3 and its reason. Where `work` has set
 *  an exit code it has judged, and that code stands. `mend` gives the command to try after a failure, where one
 *  would help. */
export async function measuring(
  work: () => Promise<void>,
  failure = 'nothing was measured',
  mend: (error: unknown) => Promise<string | undefined> = async () => undefined,
): Promise<void> {
  const leave = (error: unknown): never => leaveWith(error, failure);
  process.once('uncaughtException', leave);
  try {
    await work();
    await nextTurn(); // in which a stdout that cannot be written says so
  } catch (error) {
    if (error instanceof FanwireError && USERS.includes(exitCodeFor(error.code))) throw error;
    const command = await mend(error).catch(() => undefined);
    leaveWith(error, failure, command);
  } finally {
    process.off('uncaughtException', leave);
  }
}

/** Runs `work`, whose failures tell by their codes what is known of the server. A fault of this program's own says
 *  nothing of it: caught or not, it ends the process at once with code 3. */
export async function judging(work: () => Promise<void>): Promise<void> {
  const leave = (thrown: unknown): never => {
    const error = openFilesError(thrown) ?? thrown;
    if (!(error instanceof FanwireError)) leaveWith(error, 'nothing was measured');
    process.stderr.write(`fanwire: ${error.message} [${error.code}]\n`);
    process.exit(process.exitCode || exitCodeFor(error.code));
  };
  process.once('uncaughtException', leave);
  try {
    await work();
  } catch (error) {
    leave(error);
  } finally {
    process.off('uncaughtException', leave);
  }
}

function leaveWith(thrown: unknown, failure: string, mend?: string): never {
  const error = openFilesError(thrown) ?? thrown;
  const hasJudged = Boolean(process.exitCode);
  // The verdict has been told; only a file of it is missing.
  const isReport = error instanceof FanwireError && error.code === 'FANWIRE_REPORT_WRITE';
  const what = hasJudged || isReport ? '' : `${failure}: `;
  if (error instanceof FanwireError) process.stderr.write(`fanwire: ${what}${error.message} [${error.code}]\n`);
  else {
    const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
    process.stderr.write(`fanwire: ${what}a fault of its own (please report it): ${stack}\n`);
  }
  if (mend !== undefined) process.stderr.write(`try: ${mend}\n`);
  process.exit(hasJudged ? process.exitCode : Exit.invalid);
}
