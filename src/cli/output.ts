// What becomes of a command whose stdout cannot be written: a reader that has left is no failure, a full disk is one.
import { FanwireError } from '../base/error.js';

/** What a write fails with once its reader (`| head`) has seen enough; the second where stdout is a socket. */
const READER_GONE = ['EPIPE', 'ECONNRESET'];

export function isReaderGone({ code }: NodeJS.ErrnoException): boolean {
  return READER_GONE.includes(code ?? '');
}

/** Ends the command with one line once stdout cannot be written, and keeps it going where stderr cannot.
 *  @param report says what failed, and gives the exit code */
export function watchOutput(report: (error: FanwireError) => number): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (isReaderGone(error)) return;
    const failure = new FanwireError('FANWIRE_STDOUT', `cannot write to stdout: ${error.message}`);
    // A command that judges has a listener, and an exit code of its own for this.
    if (!process.emit('uncaughtException', failure)) process.exit(report(failure));
  });
  process.stderr.on('error', () => {}); // nobody is left to be told
}
