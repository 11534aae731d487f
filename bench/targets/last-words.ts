// Why a program ended, out of what it wrote: the line that a person would look for.

/** `TypeError: …`, `Error [ERR_X]: …`, `panic: …`, `fatal: …`: what comes before is the way there, what comes behind a
 *  stack. */
const REASON =
  /^(Uncaught )?(\S+: error( TS\d+)?|[A-Za-z_.]*(Error|Exception)( \[[A-Z0-9_]+\])?|panic|fatal( error)?|error|npm (ERR!|error)|thread '.*' panicked)\b.*[:!] ?\S/;
/** Of a stack, an object that was printed, a snippet of source with its caret, and Node's own last line. */
const NOISE =
  /^\s*(at .*|File ".*", line.*|[{}[\]^~]+[,;]?|[a-zA-Z_]+: .*,|Node\.js v\d.*|throw .*;?|node:.*:\d+|npm (ERR!|error) (A complete log|\s).*|goroutine .*)$/;

/** '' where nothing was written. */
export function lastWords(output: string): string {
  const lines = output
    .split('\n')
    .map((line) => line.trimEnd())
    .filter((line) => line.trim() !== '');
  const telling = lines.filter((line) => !NOISE.test(line));
  // npm says last that a command failed, which is known; why, it says before.
  const reasons = telling.filter((line) => REASON.test(line));
  const reason = reasons.findLast((line) => !line.startsWith('npm ')) ?? reasons.at(-1);
  return (reason ?? telling.at(-1) ?? lines.at(-1) ?? '').trim();
}
