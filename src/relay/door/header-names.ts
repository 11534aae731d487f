// The request headers that the relay reads, as uWS wants their names: in lower case, as bytes.
import { utf8 } from '../bytes.js';
import type { HttpRequest } from '../uws.js';

const names = [
  'access-control-request-headers',
  'access-control-request-private-network',
  'authorization',
  'connection',
  'content-encoding',
  'content-length',
  'content-type',
  'fanwire-key',
  'host',
  'if-none-match',
  'origin',
  'sec-websocket-extensions',
  'sec-websocket-key',
  'sec-websocket-protocol',
  'sec-websocket-version',
  'trailer',
  'transfer-encoding',
] as const;

export type HeaderName = (typeof names)[number];

export const HEADER = Object.fromEntries(names.map((name) => [name, utf8(name)])) as Record<HeaderName, Uint8Array>;

/** All values of a header that may be sent in several lines (RFC 9110, 5.3), joined by commas; uWS's `getHeader` gives
 *  the first line only. Empty where there is none. */
export function listHeader(req: HttpRequest, name: string): string {
  const values: string[] = [];
  req.forEach((each, value) => {
    if (each === name) values.push(value);
  });
  return values.join(', ');
}

/** The subprotocols that an upgrade offers, with the token that may be among them. */
export function offeredProtocols(req: HttpRequest): string {
  return req.getHeader(HEADER['sec-websocket-protocol']) === '' ? '' : listHeader(req, 'sec-websocket-protocol');
}
