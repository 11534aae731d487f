// Every HTTP answer of both ports, as a value, and the one function that writes it, in the form that HTTP allows for
// its status and its request's method.
import { type Refusal, Refused, retryAdvice } from '../../protocol/codes.js';
import { utf8 } from '../bytes.js';
import type { HttpResponse } from '../uws.js';

const STATUS_LINES = {
  200: '200 OK',
  202: '202 Accepted',
  204: '204 No Content',
  304: '304 Not Modified',
  400: '400 Bad Request',
  401: '401 Unauthorized',
  403: '403 Forbidden',
  404: '404 Not Found',
  405: '405 Method Not Allowed',
  408: '408 Request Timeout',
  413: '413 Content Too Large',
  415: '415 Unsupported Media Type',
  426: '426 Upgrade Required',
  429: '429 Too Many Requests',
  500: '500 Internal Server Error',
  501: '501 Not Implemented',
  503: '503 Service Unavailable',
} satisfies Record<Refusal['status'] | number, string>;

export type Status = keyof typeof STATUS_LINES;

/** Headers by name. Names and values are ASCII. */
export type Headers = Readonly<Record<string, string>>;

/** An answer before it is written. */
export interface Answer {
  readonly status: Status;
  /** Left out for an empty body. */
  readonly contentType: string;
  readonly body: string;
  readonly headers: Headers;
  /** Whether the connection ends with this answer, since the client still sends a body that nobody reads, or should
   *  retry elsewhere. */
  readonly close?: boolean;
}

export function json(status: Status, content: unknown): Answer {
  return { status, contentType: 'application/json', body: `${JSON.stringify(content)}\n`, headers: {} };
}

/** `{"error":{"code","message"}}`, with the retry advice if there is any, and the headers that the refusal requires. */
export function refused(refusal: Refusal): Answer {
  const { status, code, message } = refusal;
  const answer = {
    ...json(status, { error: { code, message, ...retryAdvice(refusal) } }),
    headers: refusalHeaders(refusal),
  };
  // A client that should retry later must not hold a file descriptor until then.
  return status === 503 ? { ...answer, close: true } : answer;
}

export function noContent(headers: Headers): Answer {
  return { status: 204, contentType: '', body: '', headers };
}

export const OK: Answer = json(200, { status: 'ok' });

export const INTERNAL_ERROR: Answer = json(500, {
  error: { code: Refused.failed.code, message: Refused.failed.message },
});

function refusalHeaders({ status, code, retryAfterS }: Refusal): Headers {
  return {
    // Shows that the relay refused the request and not a proxy, also to a client that does not get the body.
    'Fanwire-Error': code,
    ...(retryAfterS === undefined ? {} : { 'Retry-After': String(retryAfterS) }),
    ...(status === 401 ? { 'WWW-Authenticate': 'Bearer' } : {}),
    ...(status === 426 ? { Upgrade: 'websocket', 'Sec-WebSocket-Version': '13' } : {}),
  };
}

const statusBytes = new Map(Object.entries(STATUS_LINES).map(([status, line]) => [Number(status), utf8(line)]));
/** Bytes of header names and of a few frequent values. Bounded: the names are fixed in the source. */
const known = new Map<string, Uint8Array>();

function knownBytes(text: string): Uint8Array {
  let bytes = known.get(text);
  if (bytes === undefined) {
    bytes = utf8(text);
    known.set(text, bytes);
  }
  return bytes;
}

const NOT_FOR_HEADERS = /[^\t\x20-\x7e]/g;

/** A header's value, with line breaks and other characters that are not allowed in it replaced. */
function headerValue(text: string): Uint8Array {
  return utf8(text.replace(NOT_FOR_HEADERS, '?'));
}

/**
 * Writes an answer. Call it once for a response, within the route's handler or `res.cork`.
 * RFC 9110: no body after HEAD (9.3.2), and a Content-Length that tells what GET has; neither of them with 204
 * (15.3.5) and 304 (15.4.5).
 */
export function writeAnswer(res: HttpResponse, answer: Answer, isHead: boolean, closeConnection: boolean): void {
  res.writeStatus(statusBytes.get(answer.status) as Uint8Array);
  if (answer.body !== '') res.writeHeader(knownBytes('Content-Type'), knownBytes(answer.contentType));
  if (!('Cache-Control' in answer.headers)) res.writeHeader(knownBytes('Cache-Control'), knownBytes('no-store'));
  for (const name in answer.headers) res.writeHeader(knownBytes(name), headerValue(answer.headers[name] as string));
  if (!isHead && mayHaveBody(answer.status)) {
    res.end(utf8(answer.body), closeConnection);
    return;
  }
  // uWS closes a connection only after an answer with a body: in this case the client is asked to close it.
  if (closeConnection) res.writeHeader(knownBytes('Connection'), knownBytes('close'));
  if (isHead && mayHaveBody(answer.status)) {
    res.writeHeader(knownBytes('Content-Length'), utf8(String(Buffer.byteLength(answer.body))));
  }
  res.endWithoutBody();
}

export function mayHaveBody(status: Status): boolean {
  return status !== 204 && status !== 304;
}
