// Which names a topic may have, and how a URL path names one.
import { type Refusal, Refused } from './codes.js';

/** Longest topic name in bytes of UTF-8: it is a key in every index, log line and metric, so it stays short. */
export const MAX_TOPIC_BYTES = 200;

// C0, DEL and C1 control characters (they would break logs and headers), and lone surrogates (they have no UTF-8).
const UNPRINTABLE = /[\p{Cc}\p{Cs}]/u;

/** A segment that URLs are written without: `ws://host/a/../b` leaves every client as `/b`, and `ws://host/.` as `/`
 *  (RFC 3986, 5.2.4). */
const DOT_SEGMENT = /(?:^|\/)(?:\.|%2e){1,2}(?:\/|$)/i;

/**
 * Undefined when `name` may be a topic's: 1 to 200 bytes of UTF-8 without control characters, and neither `.` nor `..`,
 * which no URL can spell. Else the refusal to answer with.
 */
export function checkTopicName(name: string): Refusal | undefined {
  if (name.length === 0) return refuse('a topic name must not be empty');
  if (name === '.' || name === '..') return refuse(`a topic cannot be called ${quote(name)}: no URL can spell it`);
  const bytes = name.length * 3 <= MAX_TOPIC_BYTES ? 0 : Buffer.byteLength(name);
  if (bytes > MAX_TOPIC_BYTES) {
    return refuse(`a topic name is at most ${MAX_TOPIC_BYTES} bytes of UTF-8, got ${bytes} (${quote(name)})`);
  }
  if (UNPRINTABLE.test(name)) {
    return refuse(`a topic name has no control characters or lone surrogates, got ${quote(name)}`);
  }
  return undefined;
}

/** The topic that a request path names: the path without its first slash, percent-decoded. Clients rewrite some
 *  paths before they send them, each in its own way; such a path is refused, so that a path names the same topic for
 *  every client. `path` comes without the query, as uWS `getUrl()` gives it. Never throws. */
export function parseTopicPath(path: string): { readonly topic: string } | Refusal {
  const encoded = path.startsWith('/') ? path.slice(1) : path;
  if (encoded.length === 0) return refuse('the path names no topic: open /<topic>, encoded with encodeURIComponent');
  if (DOT_SEGMENT.test(encoded)) {
    return refuse(
      `the path ${quote(path)} has a segment "." or "..", which URLs lose; encode the topic's slashes as %2F`,
    );
  }
  if (/[\\#\ufffd]/.test(encoded)) {
    return {
      ...Refused.topicEncoding,
      message: `the path ${quote(path)} has a "#", a backslash or bytes that are no UTF-8; encode the topic with encodeURIComponent`,
    };
  }
  let topic = encoded;
  if (encoded.includes('%')) {
    try {
      topic = decodeURIComponent(encoded);
    } catch {
      return {
        ...Refused.topicEncoding,
        message: `the path ${quote(path)} is not percent-encoded UTF-8; encode the topic with encodeURIComponent`,
      };
    }
  }
  return checkTopicName(topic) ?? { topic };
}

function refuse(message: string): Refusal {
  return { ...Refused.topicName, message };
}

/** `name` as printable text that fits a log line, whatever is in it. */
function quote(name: string): string {
  const short = name.length > 64 ? `${name.slice(0, 64)}…` : name;
  return JSON.stringify(short).replace(/\p{Cc}/gu, (c) => `\\u00${c.charCodeAt(0).toString(16)}`);
}
