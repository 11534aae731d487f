// How many files this process may open, and what is said where that is too few to start with.
import { readFileSync } from 'node:fs';
import { FanwireError } from './error.js';

/** Node opens the modules of a program side by side: 100 files were enough for one relay, 160 with 2 workers, 400
 *  with 8. */
const FILES_TO_START = 256;
const FILES_TO_START_A_WORKER = 64;

/** Node raises its soft limit to the hard one as it starts, so this is the hard one. */
export function openFileLimit(): number {
  try {
    const limit = /^Max open files\s+(\S+)/m.exec(readFileSync('/proc/self/limits', 'latin1'))?.[1];
    if (limit !== undefined) return limit === 'unlimited' ? Number.MAX_SAFE_INTEGER : Number(limit);
  } catch {
    // Not Linux, or no file can be opened now: the report has it too, but takes 8 ms.
  }
  const { userLimits } = process.report.getReport() as { userLimits?: { open_files?: { soft: number | 'unlimited' } } };
  const soft = userLimits?.open_files?.soft;
  return typeof soft === 'number' ? soft : Number.MAX_SAFE_INTEGER;
}

/** The one line for an error that says that no more files can be opened; undefined for any other error. */
export function openFilesError(error: unknown): FanwireError | undefined {
  // The error of a worker thread that could not load comes without its code, in words of each Node version's own.
  if (!(error instanceof Error) || !/^(Worker initialization failure: )?(EMFILE|ENFILE)\b/.test(error.message))
    return undefined;
  return new FanwireError(
    'FANWIRE_OPEN_FILES',
    `cannot start with an open-file limit of ${openFileLimit()}: set it (ulimit -n, LimitNOFILE of systemd) to at least ` +
      `${FILES_TO_START}, ${FILES_TO_START_A_WORKER} more for each worker, and one for every socket`,
  );
}
