// How many files (and so sockets) a process may open here: checked before a run, so that the run does not fail
// halfway.

import { FanwireError } from '../../src/base/error.js';
import { openFileLimit } from '../../src/base/open-files.js';

/** Descriptors that a Node.js process needs besides its connections. */
const RESERVED = 100;

/** Sockets that one process may open. */
export function socketsPerProcess(): number {
  return Math.max(0, fileLimit() - RESERVED);
}

/** Checks that `processes` processes together can hold `connections`. The error names `who`, such as "the generator".
 *  @throws FanwireError FANWIRE_BENCH_FILE_LIMIT */
export function requireSockets(who: string, connections: number, processes: number, mend: string): void {
  const limit = fileLimit();
  const perProcess = Math.ceil(connections / processes);
  if (perProcess + RESERVED <= limit) return;
  throw new FanwireError(
    'FANWIRE_BENCH_FILE_LIMIT',
    `${who} needs ${perProcess + RESERVED} open files per process for ${connections} connections, but ulimit -n (hard) is ${limit}: ` +
      `raise it (\`ulimit -Hn ${perProcess + RESERVED}\` as root, or LimitNOFILE= in systemd), ${mend}`,
  );
}

let known: number | undefined;

function fileLimit(): number {
  known ??= openFileLimit();
  return known;
}
