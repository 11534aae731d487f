// The ops that a client may send in `fanwire.v1`, and how they are parsed. No I/O, and nothing here throws, whatever
// the client sent.
import { Invalid, type WireCode } from './codes.js';
import { base64Body } from './frames.js';
import { findMember } from './json-span.js';
import type { InvalidOp, OpId, Payload, Position, PublishId } from './ops.js';
import { REWIND_RANGE, type Rewind, readRewind } from './rewind.js';
import { checkTopicName } from './topic-name.js';

/** The subprotocol's name in Sec-WebSocket-Protocol. */
export const SUBPROTOCOL = 'fanwire.v1';

/** Deepest nesting of a published `data`: V8's JSON.parse takes any depth, but parsers that recurse (Python's) fail
 *  near 1,000. */
export const MAX_DATA_DEPTH = 128;

/** Longest `id` in characters: it is echoed, and must not be usable to make the relay carry data. */
const MAX_ID_LENGTH = 64;

/** Longest token in characters. */
const MAX_TOKEN_LENGTH = 16 * 1024;

/** Longest publish id in characters. */
const MAX_PID_LENGTH = 64;

/** Longest window that a `sub` may ask for, in milliseconds. */
export const MAX_WINDOW_MS = 3_600_000;
/** The values of `every`, for error messages. */
export const EVERY_RANGE = `a whole number of milliseconds from 1 to ${MAX_WINDOW_MS}`;

/** Longest key of a publish in bytes of UTF-8. */
export const MAX_KEY_BYTES = 200;

/** Longest epoch in characters; the relay's own are shorter. */
const MAX_EPOCH_LENGTH = 64;

/** An op that parseClientOp has checked. `id` is undefined when the client wants no answer. */
export type ClientOp =
  | {
      readonly op: 'sub';
      readonly topic: string;
      readonly id: OpId | undefined;
      readonly since: Position | undefined;
      /** What of the past to begin with, where `since` is not given or cannot be gone on from; undefined: as the topic
       *  is. */
      readonly rewind: Rewind | undefined;
      /** Minimum milliseconds between two writes to the client; 0: what the topic's rule says. */
      readonly everyMs: number;
      /** Joins and leaves come in one frame per window. */
      readonly newsTogether: boolean;
    }
  | { readonly op: 'unsub'; readonly topic: string; readonly id: OpId | undefined }
  | {
      readonly op: 'pub';
      readonly topic: string;
      readonly id: OpId | undefined;
      readonly payload: Payload;
      readonly once: PublishId | undefined;
    }
  | { readonly op: 'presence'; readonly topic: string; readonly id: OpId | undefined }
  | { readonly op: 'auth'; readonly token: string; readonly id: OpId | undefined }
  | { readonly op: 'ping'; readonly id: OpId | undefined };

type Fields = { readonly [name: string]: unknown };

/** Parses one text frame of a client. Returns the op, or `op: 'invalid'` with the error to answer. */
export function parseClientOp(text: string): ClientOp | InvalidOp {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    return invalid(Invalid.opJson.code, `an op is one JSON object a text frame: ${clip((error as Error).message)}`);
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
    return invalid(Invalid.opJson.code, `an op is a JSON object such as {"op":"ping"}, got ${show(parsed)}`);
  }
  const fields = parsed as Fields;
  const id = fields.id;
  if (!isOpId(id)) {
    return invalid(Invalid.opField.code, `"id" is a string of up to ${MAX_ID_LENGTH} characters or a whole number`);
  }
  switch (fields.op) {
    case 'pub':
    case 'sub':
    case 'unsub':
    case 'presence':
      return parseTopicOp(text, fields, fields.op, id);
    case 'auth':
      return parseAuth(fields.token, id);
    case 'ping':
      return { op: 'ping', id };
    default:
      return invalid(
        Invalid.opUnknown.code,
        `"op" is one of sub, unsub, pub, presence, auth, ping; got ${show(fields.op)}`,
        id,
      );
  }
}

/** The answer to a binary frame, which `fanwire.v1` has no use for. */
export const BINARY_REFUSED: InvalidOp = invalid(
  Invalid.opBinary.code,
  'fanwire.v1 takes text frames; publish binary as {"op":"pub","topic":…,"data":"<base64>","encoding":"base64"}',
);

function parseTopicOp(
  text: string,
  fields: Fields,
  op: 'pub' | 'sub' | 'unsub' | 'presence',
  id: OpId | undefined,
): ClientOp | InvalidOp {
  const { topic } = fields;
  if (typeof topic !== 'string') return invalid(Invalid.opField.code, `"topic" is a string, got ${show(topic)}`, id);
  const refusal = checkTopicName(topic);
  if (refusal !== undefined) return invalid(refusal.code, refusal.message, id);
  if (op === 'pub') return parsePub(text, fields, topic, id);
  if (op !== 'sub') return { op, topic, id };
  return parseSub(fields, topic, id);
}

function parseSub(
  { since, rewind: asked, every, presence }: Fields,
  topic: string,
  id: OpId | undefined,
): ClientOp | InvalidOp {
  const bad = (message: string): InvalidOp => invalid(Invalid.opField.code, message, id, topic);
  const rewind = asked === undefined ? undefined : readRewind(asked);
  if (asked !== undefined && rewind === undefined) return bad(`"rewind" is ${REWIND_RANGE}; got ${show(asked)}`);
  if (every !== undefined && !(isCount(every, MAX_WINDOW_MS) && every > 0)) {
    return bad(`"every" is ${EVERY_RANGE}, got ${show(every)}`);
  }
  // Other values may get a meaning later: they are ignored, as unknown fields are.
  const start = { rewind, everyMs: every ?? 0, newsTogether: presence === 'batch' };
  if (since === undefined || since === null) return { op: 'sub', topic, id, since: undefined, ...start };
  if (isPosition(since)) return { op: 'sub', topic, id, since: { epoch: since.epoch, seq: since.seq }, ...start };
  return bad('"since" is {"epoch":string,"seq":whole number ≥ 0} from the relay');
}

function parsePub(text: string, fields: Fields, topic: string, id: OpId | undefined): ClientOp | InvalidOp {
  const { data, encoding, pid, repeat, key } = fields;
  if (pid !== undefined && (typeof pid !== 'string' || pid.length === 0 || pid.length > MAX_PID_LENGTH)) {
    return invalid(Invalid.opField.code, `"pid" is a string of 1 to ${MAX_PID_LENGTH} characters`, id, topic);
  }
  if (repeat !== undefined && !isCount(repeat, Number.MAX_SAFE_INTEGER)) {
    return invalid(Invalid.opField.code, `"repeat" is a whole number of milliseconds, got ${show(repeat)}`, id, topic);
  }
  if (key !== undefined && !isKey(key)) {
    return invalid(
      Invalid.opField.code,
      `"key" is a string of 1 to ${MAX_KEY_BYTES} bytes of UTF-8, got ${show(key)}`,
      id,
      topic,
    );
  }
  const keyed = key === undefined ? {} : { key };
  const once = pid === undefined ? undefined : { pid, repeat };
  if (encoding === undefined) {
    const span = findMember(text, 'data');
    if (span === undefined)
      return invalid(Invalid.opField.code, '"data" is missing: a pub carries any JSON', id, topic);
    if (span.depth > MAX_DATA_DEPTH) {
      const message = `"data" nests at most ${MAX_DATA_DEPTH} deep, got ${span.depth}`;
      return invalid(Invalid.opDepth.code, message, id, topic);
    }
    const body = text.slice(span.start, span.end);
    return { op: 'pub', topic, id, payload: { body, raw: typeof data === 'string' ? data : body, ...keyed }, once };
  }
  const raw = encoding === 'base64' && typeof data === 'string' ? decodeBase64(data) : undefined;
  if (raw === undefined) {
    return invalid(Invalid.opField.code, '"encoding" is "base64" and "data" then a padded base64 string', id, topic);
  }
  return { op: 'pub', topic, id, payload: { body: base64Body(data as string), raw, ...keyed }, once };
}

/** The bytes of canonical, padded base64 (RFC 4648, section 4), else undefined. A regular expression would overflow
 *  V8's stack at 16 MB. */
function decodeBase64(text: string): Uint8Array | undefined {
  const bytes = Buffer.from(text, 'base64');
  return bytes.toString('base64') === text ? bytes : undefined;
}

function parseAuth(token: unknown, id: OpId | undefined): ClientOp | InvalidOp {
  if (typeof token === 'string' && token.length > 0 && token.length <= MAX_TOKEN_LENGTH) {
    return { op: 'auth', token, id };
  }
  return invalid(Invalid.opField.code, `"token" is a string of 1 to ${MAX_TOKEN_LENGTH} characters`, id);
}

function isOpId(id: unknown): id is OpId | undefined {
  if (typeof id === 'string') return id.length <= MAX_ID_LENGTH;
  return id === undefined || Number.isSafeInteger(id);
}

function isCount(value: unknown, most: number): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0 && Number(value) <= most;
}

/** A lone surrogate has no UTF-8: other threads and nodes would see another key, or none. */
const LONE_SURROGATE = /\p{Cs}/u;

/** Whether a value can tell messages of one topic apart. */
export function isKey(key: unknown): key is string {
  return typeof key === 'string' && key !== '' && Buffer.byteLength(key) <= MAX_KEY_BYTES && !LONE_SURROGATE.test(key);
}

function isPosition(since: unknown): since is Position {
  if (typeof since !== 'object' || since === null) return false;
  const { epoch, seq } = since as Fields;
  return typeof epoch === 'string' && epoch.length <= MAX_EPOCH_LENGTH && Number.isSafeInteger(seq) && Number(seq) >= 0;
}

function invalid(code: WireCode, message: string, id?: OpId, topic?: string): InvalidOp {
  return { op: 'invalid', code, message, id, topic };
}

/** A value in a few characters, for an error message. Objects are shown as their kind, since they may be huge or
 *  deep. */
function show(value: unknown): string {
  if (Array.isArray(value)) return 'an array';
  if (typeof value === 'object' && value !== null) return 'an object';
  return typeof value === 'string' ? JSON.stringify(clip(value)) : String(value);
}

function clip(text: string): string {
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}
