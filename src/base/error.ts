// The one error class of fanwire. A file of its own, since the client library takes it and nothing else of codes.ts along.

/** An error a person caused and can mend: one line that names the thing, the value and the mend. `code` is stable. */
export class FanwireError extends Error {
  readonly code: string;
  constructor(code: string, message: string) {
    super(message);
    this.name = 'FanwireError';
    this.code = code;
  }
}
