// Finds out why a program ended: picks the line of its output that a person would look for.

import { shownText } from './secrets.js';

/** A line that gives a reason, such as `TypeError: …`, `Error [ERR_X]: …`, `panic: …`, `fatal: …`. Progress output
 *  comes before such a line, and a stack trace after it. */
const REASON =
  /^(Uncaught )?(\S+: error( TS\d+)?|[A-Za-z_.]*(Error|Exception)( \[[A-Z0-9_]+\])?|panic|fatal( error)?|error|npm (ERR!|error)|thread '.*' panicked)\b.*[:!] ?\S/;
/** Lines without a reason: of a stack trace, a printed object or a code excerpt with its caret, and Node's own last
 *  line. */
const NOISE =
  /^\s*(at .*|File ".*", line.*|[{}[\]^~]+[,;]?|[a-zA-Z_]+: .*,|Node\.js v\d.*|throw .*;?|node:.*:\d+|npm (ERR!|error) (A complete log|\s).*|goroutine .*|➤ YN0000: .*)$/;

/** '' if nothing was written. Secrets in it are covered: it goes into reports, and to where those are published. */
export function lastWords(output: string): string {
  const lines = output
    .split('\n')
    .map((line) => line.trimEnd())
    .filter((line) => line.trim() !== '');
  const telling = lines.filter((line) => !NOISE.test(line));
  // npm's last line only says that a command failed, which is already known; the reason is further up.
  const reasons = telling.filter((line) => REASON.test(line));
  const reason = reasons.findLast((line) => !line.startsWith('npm ')) ?? reasons.at(-1);
  return shownText((reason ?? telling.at(-1) ?? lines.at(-1) ?? '').trim());
}
