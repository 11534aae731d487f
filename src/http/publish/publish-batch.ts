// A batch of publishes as NDJSON, `{"topic","data"}` a line: read line by line, each accepted or rejected on its own.
import { Invalid, type WireCode } from '../../protocol/codes.js';
import { isKey, MAX_KEY_BYTES } from '../../protocol/envelope.js';
import { findMember } from '../../protocol/json-span.js';
import { checkTopicName } from '../../protocol/topic-name.js';

/** A line that can be published, or why it cannot. */
export type BatchLine =
  | { readonly topic: string; readonly key: string | undefined; readonly text: string; readonly bytes?: undefined }
  | { readonly topic: string; readonly key: string | undefined; readonly bytes: Uint8Array; readonly text?: undefined }
  | { readonly code: WireCode; readonly message: string };

/**
 * Reads one line. `data` goes out as its JSON text, byte for byte, a string as itself; with `"encoding":"base64"` the
 * string's bytes go out as a binary frame. Never throws.
 */
export function parseBatchLine(line: string): BatchLine {
  let parsed: unknown;
  try {
    parsed = JSON.parse(line);
  } catch {
    return bad(Invalid.batchJson.code, 'the line is not JSON');
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
    return bad(Invalid.batchJson.code, 'a line is an object {"topic":…,"data":…}');
  }
  const { topic, data, encoding, key } = parsed as Record<string, unknown>;
  if (typeof topic !== 'string') return bad(Invalid.batchField.code, '"topic" must be a string');
  const refusal = checkTopicName(topic);
  if (refusal !== undefined) return bad(refusal.code, refusal.message);
  if (key !== undefined && !isKey(key)) {
    return bad(Invalid.batchField.code, `"key" is a string of 1 to ${MAX_KEY_BYTES} bytes of UTF-8`);
  }
  if (encoding !== undefined) return base64Line(topic, key, data, encoding);
  if (typeof data === 'string') return { topic, key, text: data };
  const span = findMember(line, 'data');
  if (span === undefined) return bad(Invalid.batchField.code, '"data" is missing');
  return { topic, key, text: line.slice(span.start, span.end) };
}

function base64Line(topic: string, key: string | undefined, data: unknown, encoding: unknown): BatchLine {
  const bytes = encoding === 'base64' && typeof data === 'string' ? Buffer.from(data, 'base64') : undefined;
  if (bytes === undefined || bytes.toString('base64') !== data) {
    return bad(Invalid.batchField.code, '"encoding" is "base64" and "data" then a padded base64 string');
  }
  return { topic, key, bytes };
}

function bad(code: WireCode, message: string): BatchLine {
  return { code, message };
}

/** The lines of a batch and their numbers, from 1; blank ones are left out. */
export function* batchLines(body: Buffer): Generator<{ readonly number: number; readonly line: string }> {
  const NEWLINE = 0x0a;
  let from = 0;
  for (let number = 1; from < body.length; number++) {
    const newline = body.indexOf(NEWLINE, from);
    const to = newline === -1 ? body.length : newline;
    const line = body.toString('utf8', from, to).trim();
    if (line !== '') yield { number, line };
    from = to + 1;
  }
}
