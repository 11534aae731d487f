// What an enveloped publish is between relays: its publisher's name and its body, from which either audience's form is made.
import type { Payload } from './ops.js';

const ENCODING = ',"encoding":"base64"';

/** The publisher as JSON (nothing for an anonymous one), a line feed, the body. JSON strings have no raw line feed. */
export function writeParcel(body: string, from: string | undefined): Uint8Array {
  return Buffer.from(from === undefined ? `\n${body}` : `${JSON.stringify(from)}\n${body}`);
}

/** @throws SyntaxError for bytes that writeParcel did not write */
export function readParcel(bytes: Uint8Array): { readonly body: string; readonly from: string | undefined } {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString();
  const end = text.indexOf('\n');
  return { body: text.slice(end + 1), from: end <= 0 ? undefined : (JSON.parse(text.slice(0, end)) as string) };
}

/** Both forms of a publish, from its body. Inside a JSON string every quote is escaped, so ENCODING cannot be part of one. */
export function bodyPayload(body: string): Payload {
  if (body.endsWith(ENCODING)) return { body, raw: Buffer.from(body.slice(1, -ENCODING.length - 1), 'base64') };
  return { body, raw: body.startsWith('"') ? (JSON.parse(body) as string) : body };
}
