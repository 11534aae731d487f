// An enveloped publish as it is sent between relays: its publisher's name and its body, from which the form for each
// audience is made.
import type { Payload } from './ops.js';

const ENCODING = ',"encoding":"base64"';

/** The publisher as JSON (nothing for an anonymous one), or publisher and key as an array; a line feed, the body. JSON
 *  strings have no raw line feed. */
export function writeParcel(body: string, from: string | undefined, key?: string): Uint8Array {
  if (key !== undefined) return Buffer.from(`${JSON.stringify([from ?? null, key])}\n${body}`);
  return Buffer.from(from === undefined ? `\n${body}` : `${JSON.stringify(from)}\n${body}`);
}

export interface Parcel {
  readonly body: string;
  readonly from: string | undefined;
  readonly key: string | undefined;
}

/** @throws SyntaxError for bytes that writeParcel did not write */
export function readParcel(bytes: Uint8Array): Parcel {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString();
  const end = text.indexOf('\n');
  const body = text.slice(end + 1);
  if (end <= 0) return { body, from: undefined, key: undefined };
  const about = JSON.parse(text.slice(0, end)) as string | readonly [string | null, string];
  return typeof about === 'string'
    ? { body, from: about, key: undefined }
    : { body, from: about[0] ?? undefined, key: about[1] };
}

/** Both forms of a publish, from its body. Inside a JSON string every quote is escaped, so ENCODING cannot be part of
 *  one. */
export function bodyPayload(body: string): Payload {
  if (body.endsWith(ENCODING)) return { body, raw: Buffer.from(body.slice(1, -ENCODING.length - 1), 'base64') };
  return { body, raw: body.startsWith('"') ? (JSON.parse(body) as string) : body };
}
