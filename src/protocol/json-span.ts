// Finds a member of a JSON object in the text itself, so that a payload is passed on byte for byte and never serialised
// again.

/** Where a value stands in its text, and how deep its arrays and objects nest (0 for a string, number or literal). */
export interface Span {
  readonly start: number;
  readonly end: number;
  readonly depth: number;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

/**
 * The last top-level member `key` of the JSON object `text` (the last one counts, as in JSON.parse), or undefined.
 * `text` must already have passed JSON.parse as an object: nothing is checked again. Linear, not recursive.
 */
export function findMember(text: string, key: string): Span | undefined {
  let found: Span | undefined;
  let at = skipSpace(text, text.indexOf('{') + 1);
  while (text.charCodeAt(at) === QUOTE) {
    const keyEnd = stringEnd(text, at);
    const valueStart = skipSpace(text, text.indexOf(':', keyEnd) + 1);
    const value = valueSpan(text, valueStart);
    if (isKey(text, at, keyEnd, key)) found = value;
    at = skipSpace(text, value.end);
    if (text.charCodeAt(at) === COMMA) at = skipSpace(text, at + 1);
  }
  return found;
}

function isKey(text: string, open: number, end: number, key: string): boolean {
  if (end - open - 2 === key.length) return text.startsWith(key, open + 1);
  const quoted = text.slice(open, end);
  return quoted.includes('\\') && JSON.parse(quoted) === key;
}

function valueSpan(text: string, start: number): Span {
  const first = text.charCodeAt(start);
  if (first === QUOTE) return { start, end: stringEnd(text, start), depth: 0 };
  if (first === OPEN_BRACE || first === OPEN_BRACKET) return nestedSpan(text, start);
  let end = start;
  while (end < text.length && !endsScalar(text.charCodeAt(end))) end++;
  return { start, end, depth: 0 };
}

function nestedSpan(text: string, start: number): Span {
  let depth = 0;
  let deepest = 0;
  let at = start;
  while (at < text.length) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) {
      at = stringEnd(text, at);
      continue;
    }
    at++;
    if (code === OPEN_BRACE || code === OPEN_BRACKET) {
      depth++;
      if (depth > deepest) deepest = depth;
    } else if (code === CLOSE_BRACE || code === CLOSE_BRACKET) {
      depth--;
      if (depth === 0) break;
    }
  }
  return { start, end: at, depth: deepest };
}

/** The index after the quote that closes the string opened at `open`. */
function stringEnd(text: string, open: number): number {
  let close = text.indexOf('"', open + 1);
  while (close > 0 && isEscaped(text, close)) close = text.indexOf('"', close + 1);
  return close < 0 ? text.length : close + 1;
}

function isEscaped(text: string, quote: number): boolean {
  let at = quote - 1;
  while (text.charCodeAt(at) === BACKSLASH) at--;
  return (quote - at) % 2 === 0;
}

function endsScalar(code: number): boolean {
  return code === COMMA || code === CLOSE_BRACE || isSpace(code);
}

function skipSpace(text: string, from: number): number {
  let at = from;
  while (isSpace(text.charCodeAt(at))) at++;
  return at;
}

/** JSON's whitespace: space, tab, line feed, carriage return. */
function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x09 || code === 0x0a || code === 0x0d;
}
