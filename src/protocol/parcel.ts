// An enveloped publish as it is sent between relays: its publisher's name and its body, from which the form for each
// audience is made.
import type { Payload } from './ops.js';

const ENCODING = ',"encoding":"base64"';

/** The publisher as JSON (nothing for an anonymous one), or an array of publisher, key, count and time; a line feed,
 *  the body. JSON strings have no raw line feed. `replaced`: the messages that it has taken the place of. `atMs`: when
 *  it was published, if it may have waited since. */
export function writeParcel(
  body: string,
  from: string | undefined,
  key?: string,
  replaced = 0,
  atMs?: number,
): Uint8Array {
  if (atMs !== undefined) return Buffer.from(`${JSON.stringify([from ?? null, key ?? null, replaced, atMs])}\n${body}`);
  if (replaced > 0) return Buffer.from(`${JSON.stringify([from ?? null, key ?? null, replaced])}\n${body}`);
  if (key !== undefined) return Buffer.from(`${JSON.stringify([from ?? null, key])}\n${body}`);
  return Buffer.from(from === undefined ? `\n${body}` : `${JSON.stringify(from)}\n${body}`);
}

export interface Parcel {
  readonly body: string;
  readonly from: string | undefined;
  readonly key: string | undefined;
  readonly replaced: number;
  readonly atMs: number | undefined;
}

/** @throws SyntaxError for bytes that writeParcel did not write */
export function readParcel(bytes: Uint8Array): Parcel {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString();
  const end = text.indexOf('\n');
  const body = text.slice(end + 1);
  if (end <= 0) return { body, from: undefined, key: undefined, replaced: 0, atMs: undefined };
  const about = JSON.parse(text.slice(0, end)) as string | readonly [string | null, string | null, number?, number?];
  if (typeof about === 'string') return { body, from: about, key: undefined, replaced: 0, atMs: undefined };
  const [from, key, replaced = 0, atMs] = about;
  return { body, from: from ?? undefined, key: key ?? undefined, replaced, atMs };
}

/** Both forms of a publish, from its body. Inside a JSON string every quote is escaped, so ENCODING cannot be part of
 *  one. */
export function bodyPayload(body: string): Payload {
  if (body.endsWith(ENCODING)) return { body, raw: Buffer.from(body.slice(1, -ENCODING.length - 1), 'base64') };
  return { body, raw: body.startsWith('"') ? (JSON.parse(body) as string) : body };
}
