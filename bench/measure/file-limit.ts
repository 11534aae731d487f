// How many files (and so sockets) a process may open here, checked before a run rather than met in the middle of it.

import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { FanwireError } from '../../src/base/error.js';

/** Descriptors that a Node.js process needs beside its connections. */
const RESERVED = 100;

/** Sockets that one process may open. Node.js raises its soft limit to the hard one as it starts, so the hard one
 *  counts. */
export function socketsPerProcess(): number {
  return Math.max(0, hardFileLimit() - RESERVED);
}

/** Checks that `processes` processes can hold `connections` between them. `who` is named in the error: "the generator".
 *  @throws FanwireError FANWIRE_BENCH_FILE_LIMIT */
export function requireSockets(who: string, connections: number, processes: number, mend: string): void {
  const limit = hardFileLimit();
  const perProcess = Math.ceil(connections / processes);
  if (perProcess + RESERVED <= limit) return;
  throw new FanwireError(
    'FANWIRE_BENCH_FILE_LIMIT',
    `${who} needs ${perProcess + RESERVED} open files per process for ${connections} connections, but ulimit -n (hard) is ${limit}: ` +
      `raise it (\`ulimit -Hn ${perProcess + RESERVED}\` as root, or LimitNOFILE= in systemd), ${mend}`,
  );
}

let known: number | undefined;

function hardFileLimit(): number {
  known ??= readHardFileLimit();
  return known;
}

function readHardFileLimit(): number {
  try {
    const line = /^Max open files\s+(\S+)\s+(\S+)/m.exec(readFileSync('/proc/self/limits', 'latin1'));
    if (line?.[2] !== undefined) return line[2] === 'unlimited' ? Number.MAX_SAFE_INTEGER : Number(line[2]);
  } catch {
    // Not Linux: ask the shell.
  }
  const answer = execFileSync('/bin/sh', ['-c', 'ulimit -Hn'], { encoding: 'utf8' }).trim();
  return answer === 'unlimited' ? Number.MAX_SAFE_INTEGER : Number(answer);
}
