// A message that waits for its window's end, and what subscribers get of it.
import { msgFrame, rawBody } from '../../protocol/frames.js';
import { utf8 } from '../bytes.js';
import type { Publication } from '../fanout/audience.js';
import { heldBytes } from './held-bytes.js';

/** A message that waits for its window's end. */
export interface Waiting extends Omit<Publication, 'raw' | 'key' | 'publishedAtMs'> {
  /** A copy of what raw subscribers get. */
  readonly bytes: Uint8Array;
  /** Counts the lane's messages: a subscriber that joined at `at` gets those above. */
  readonly at: number;
}

/** Estimated bytes that it takes. */
export function bytesOf({ bytes, body }: Waiting): number {
  return heldBytes(bytes.byteLength + (body?.length ?? 0));
}

/** A copy of `bytes`, where those of a message stood that nobody will get, if they fit: a new array is ten times as
 *  dear. */
export function copyOver(replaced: Uint8Array | undefined, bytes: Uint8Array): Uint8Array {
  if (replaced?.length !== bytes.length) return Uint8Array.prototype.slice.call(bytes);
  replaced.set(bytes);
  return replaced;
}

/** `copy` makes bytes last until the window's end. `replaced`: the messages that it has taken the place of so far. */
export function waiting(
  message: Publication,
  at: number,
  replaced: number,
  copy: (bytes: Uint8Array) => Uint8Array,
): Waiting {
  const { raw, isBinary, body, from, seq, sender, isForRawOnly } = message;
  const bytes = typeof raw === 'string' ? Buffer.from(raw) : copy(raw);
  return { bytes, isBinary, body, from, seq, sender, isForRawOnly, at, replaced };
}

/** The `msg` that enveloped subscribers get of it. `replaced` is what they are told it took the place of. */
export function envelopeOf(head: string, message: Waiting, replaced: number): Uint8Array {
  const body = message.body ?? rawBody(message.bytes, message.isBinary);
  return utf8(msgFrame(head, body, message.seq, message.from, replaced));
}
