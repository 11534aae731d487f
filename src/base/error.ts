// The one error class of fanwire. A file of its own, since the client library takes it and nothing else of the codes
// along.
import type { ErrorCode } from './error-codes.js';

/** An error a person caused and can mend: one line that names the thing, the value and the mend. `code` is stable:
 *  error-codes.ts has them all; an error that the relay answered with carries the code of the wire
 *  (protocol/codes.ts). */
export class FanwireError extends Error {
  readonly code: string;
  constructor(code: ErrorCode, message: string) {
    super(message);
    this.name = 'FanwireError';
    this.code = code;
  }
}

/** An error with a code that came from elsewhere: the relay's answer, or another thread. */
export function errorFrom({ code, message }: { readonly code: string; readonly message: string }): FanwireError {
  return new FanwireError(code as ErrorCode, message);
}
