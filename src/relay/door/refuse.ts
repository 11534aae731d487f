// How the relay port answers a request it refuses: a status, and JSON that a program can read.
import { type Refusal, retryAdvice } from '../../protocol/codes.js';
import type { HttpResponse } from '../uws.js';

export const STATUS_LINES = {
  200: '200 OK',
  202: '202 Accepted',
  204: '204 No Content',
  400: '400 Bad Request',
  401: '401 Unauthorized',
  403: '403 Forbidden',
  404: '404 Not Found',
  405: '405 Method Not Allowed',
  413: '413 Content Too Large',
  426: '426 Upgrade Required',
  429: '429 Too Many Requests',
  500: '500 Internal Server Error',
  503: '503 Service Unavailable',
} satisfies Record<Refusal['status'] | number, string>;

/** Headers by name. */
export type Headers = Readonly<Record<string, string>>;

/** The headers that a refusal owes beside its content type. */
export function refusalHeaders({ status, retryAfterS }: Refusal): Headers {
  return {
    ...(retryAfterS === undefined ? {} : { 'Retry-After': String(retryAfterS) }),
    ...(status === 401 ? { 'WWW-Authenticate': 'Bearer' } : {}),
    ...(status === 426 ? { Upgrade: 'websocket', 'Sec-WebSocket-Version': '13' } : {}),
  };
}

/** Answers with `{"error":{"code","message"}}`, and what is known of a retry. Call it corked or inside the route's handler. */
export function writeRefusal(res: HttpResponse, refusal: Refusal): void {
  const { status, code, message } = refusal;
  res.writeStatus(STATUS_LINES[status]).writeHeader('Content-Type', 'application/json');
  for (const [name, value] of Object.entries(refusalHeaders(refusal))) res.writeHeader(name, value);
  // Who is to come back later must not hold a descriptor until then.
  res.end(JSON.stringify({ error: { code, message, ...retryAdvice(refusal) } }), status === 503);
}

export const NOT_AN_UPGRADE: Refusal = {
  status: 426,
  code: 'FANWIRE_UPGRADE_REQUIRED',
  message: 'this is a WebSocket endpoint: open ws://…/<topic>, for example with `fanwire sub`',
};

export function noRoute(method: string, url: string): Refusal {
  return { status: 404, code: 'FANWIRE_NO_ROUTE', message: `nothing answers ${method} ${JSON.stringify(url)}` };
}
