// How HTTP answers are made and written: status lines, JSON bodies, and refusals in the same shape as the relay's.
import type { Refusal } from '../protocol/codes.js';
import { type Headers, refusalHeaders, STATUS_LINES } from '../relay/door/refuse.js';
import type { HttpResponse } from '../relay/uws.js';

/** An answer before it is written. */
export interface Answer {
  readonly status: keyof typeof STATUS_LINES;
  readonly contentType: string;
  readonly body: string;
  readonly headers: Headers;
}

export function json(status: Answer['status'], content: unknown): Answer {
  return { status, contentType: 'application/json', body: `${JSON.stringify(content)}\n`, headers: {} };
}

export function refused(refusal: Refusal): Answer {
  const { status, code, message } = refusal;
  return { ...json(status, { error: { code, message } }), headers: refusalHeaders(refusal) };
}

export const OK: Answer = json(200, { status: 'ok' });

export const INTERNAL_ERROR: Answer = json(500, {
  error: { code: 'FANWIRE_INTERNAL', message: 'this failed inside the relay; its log says why' },
});

/** Writes an answer. Outside the request handler itself, call it within `res.cork`. */
export function send(res: HttpResponse, answer: Answer, closeConnection = false): void {
  res.writeStatus(STATUS_LINES[answer.status]);
  if (answer.body !== '') res.writeHeader('Content-Type', answer.contentType);
  res.writeHeader('Cache-Control', 'no-store');
  for (const [name, value] of Object.entries(answer.headers)) res.writeHeader(name, value);
  res.end(answer.body, closeConnection);
}

/** Writes an answer to HEAD: what GET would get, without the body. */
export function sendHead(res: HttpResponse, answer: Answer): void {
  res.writeStatus(STATUS_LINES[answer.status]).writeHeader('Cache-Control', 'no-store');
  res.endWithoutBody(Buffer.byteLength(answer.body));
}

/**
 * Answers with what `work` comes to, unless the client leaves first: uWS forbids any use of `res` after that.
 * `send` writes it; `onError` is told of an error of `work`, which answers 500. Call it within the request handler.
 */
export function sendLater(
  res: HttpResponse,
  work: Promise<Answer>,
  send: (res: HttpResponse, answer: Answer) => void,
  onError: (error: unknown) => void,
): void {
  let aborted = false;
  res.onAborted(() => {
    aborted = true;
  });
  const write = (answer: Answer): void => {
    if (!aborted) res.cork(() => send(res, answer));
  };
  work.then(write, (error: unknown) => {
    onError(error);
    write(INTERNAL_ERROR);
  });
}
