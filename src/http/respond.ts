// How HTTP answers are written: status lines, JSON bodies, refusals in one shape, and answers that take a while.
import type { Refusal } from '../protocol/codes.js';
import type { HttpResponse } from '../relay/uws.js';

const STATUS_LINE: Record<number, string> = {
  200: '200 OK',
  202: '202 Accepted',
  204: '204 No Content',
  400: '400 Bad Request',
  401: '401 Unauthorized',
  403: '403 Forbidden',
  404: '404 Not Found',
  405: '405 Method Not Allowed',
  413: '413 Payload Too Large',
  426: '426 Upgrade Required',
  429: '429 Too Many Requests',
  500: '500 Internal Server Error',
  503: '503 Service Unavailable',
};

/** An answer before it is written. */
export interface Answer {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export function json(status: number, content: unknown, headers?: Answer['headers']): Answer {
  const answer = { status, contentType: 'application/json', body: `${JSON.stringify(content)}\n` };
  return headers === undefined ? answer : { ...answer, headers };
}

/** A refusal's JSON body, with Retry-After where it has one and the challenge that a 401 owes (RFC 6750 §3). */
export function refused(refusal: Refusal, headers: Answer['headers'] = {}): Answer {
  const { status, code, message, retryAfterS } = refusal;
  return json(
    status,
    { error: { code, message } },
    {
      ...headers,
      ...(retryAfterS === undefined ? {} : { 'Retry-After': String(retryAfterS) }),
      ...(status === 401 ? { 'WWW-Authenticate': 'Bearer realm="fanwire"' } : {}),
    },
  );
}

/** Writes an answer. Outside the request handler itself, call it within `res.cork`. */
export function send(res: HttpResponse, answer: Answer, closeConnection = false): void {
  res.writeStatus(STATUS_LINE[answer.status] ?? String(answer.status));
  if (answer.status !== 204) res.writeHeader('Content-Type', answer.contentType);
  res.writeHeader('Cache-Control', 'no-store');
  for (const [name, value] of Object.entries(answer.headers ?? {})) res.writeHeader(name, value);
  res.end(answer.body, closeConnection);
}

/**
 * Answers with what `work` comes to, unless the client leaves first: uWS forbids any use of `res` after that.
 * `onError` is told of an error of `work`, which answers 500. Call it within the request handler.
 */
export function sendLater(res: HttpResponse, work: Promise<Answer>, onError: (error: unknown) => void): void {
  let aborted = false;
  res.onAborted(() => {
    aborted = true;
  });
  const write = (answer: Answer): void => {
    if (!aborted) res.cork(() => send(res, answer));
  };
  work.then(write, (error: unknown) => {
    onError(error);
    write(
      json(500, { error: { code: 'FANWIRE_INTERNAL', message: 'this failed inside the relay; its log says why' } }),
    );
  });
}
