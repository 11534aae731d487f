// How the relay port answers a request it refuses: a status, and JSON that a program can read.
import type { Refusal } from '../protocol/codes.js';
import type { HttpResponse } from './uws.js';

const STATUS_LINES: Record<Refusal['status'], string> = {
  400: '400 Bad Request',
  401: '401 Unauthorized',
  403: '403 Forbidden',
  404: '404 Not Found',
  405: '405 Method Not Allowed',
  413: '413 Content Too Large',
  426: '426 Upgrade Required',
  429: '429 Too Many Requests',
  503: '503 Service Unavailable',
};

/** Answers with `{"error":{"code","message"}}`. Call it corked or inside the route's handler. */
export function writeRefusal(res: HttpResponse, refusal: Refusal): void {
  res.writeStatus(STATUS_LINES[refusal.status]).writeHeader('Content-Type', 'application/json');
  if (refusal.retryAfterS !== undefined) res.writeHeader('Retry-After', String(refusal.retryAfterS));
  if (refusal.status === 401) res.writeHeader('WWW-Authenticate', 'Bearer');
  if (refusal.status === 426) res.writeHeader('Upgrade', 'websocket').writeHeader('Sec-WebSocket-Version', '13');
  res.end(JSON.stringify({ error: { code: refusal.code, message: refusal.message } }));
}
