// The client's own errors, and a text for anything that was thrown.
import { FanwireError } from '../base/error.js';
import type { ErrorCode } from '../base/error-codes.js';

type Fault = ErrorCode extends infer Code ? (Code extends `FANWIRE_CLIENT_${infer Name}` ? Name : never) : never;

export function fault(name: Fault, message: string): FanwireError {
  return new FanwireError(`FANWIRE_CLIENT_${name}`, message);
}

export const closedFault = (): FanwireError => fault('CLOSED', 'closed');

/** A text for anything that was thrown. */
export function wordsOf(thrown: unknown): string {
  try {
    return String((thrown as Error | undefined)?.message ?? thrown);
  } catch {
    return 'unknown';
  }
}
