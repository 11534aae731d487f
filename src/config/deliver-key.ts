// The key that tells messages of one topic apart, if only the newest of each key is delivered.
import { isUtf8 } from 'node:buffer';
import { MAX_KEY_BYTES } from '../protocol/envelope.js';
import type { DeliverRule } from './deliver-rules.js';

/** All messages without a key share this one. */
const NO_KEY = '';

/** What a key is read from. */
export interface KeySource {
  /** The key that the publisher named. */
  readonly key: string | undefined;
  /** What raw subscribers get. Read only if the rule takes the key from it. */
  readonly raw: string | Uint8Array;
}

export type KeyReader = (message: KeySource) => string;

/** How a rule tells messages apart: by the key that their publisher named, else by what stands before the rule's
 *  separator. */
export function keyReader({ mode, separator }: DeliverRule): KeyReader {
  if (mode !== 'latest-by-key') return () => NO_KEY;
  if (separator === undefined) return ({ key }) => key ?? NO_KEY;
  const end = Buffer.from(separator);
  return ({ key, raw }) => key ?? firstToken(raw, end);
}

/** Before a key that is no UTF-8, and so none that a publisher could name. */
const BYTES = '\0';
/** What bytes that are no UTF-8 are decoded to, and what may stand in UTF-8, too. */
const REPLACEMENT = '\ufffd';

/** What stands before the first separator: the key that a publisher could name, else one character a byte. NO_KEY where
 *  it is too long, or there is no separator. */
function firstToken(raw: string | Uint8Array, separator: Buffer): string {
  const bytes = typeof raw === 'string' ? Buffer.from(raw) : Buffer.from(raw.buffer, raw.byteOffset, raw.byteLength);
  const length = bytes.subarray(0, MAX_KEY_BYTES + separator.length).indexOf(separator);
  if (length < 0) return NO_KEY;
  const key = bytes.toString('utf8', 0, length);
  const isText = !key.includes(REPLACEMENT) || isUtf8(bytes.subarray(0, length));
  return isText ? key : BYTES + bytes.toString('latin1', 0, length);
}
