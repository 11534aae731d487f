// The one error class of fanwire, in a file of its own, since the client library needs it without the table of codes.
import type { ErrorCode } from './error-codes.js';

/** An error that a person caused and can fix: one line that names the thing, the value and the fix. `code` is
 *  stable: all are in error-codes.ts; an error that the relay answered with has the code of the wire
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
