// The request headers that the relay reads, as uWS wants their names: in lower case, as bytes.
import { utf8 } from '../bytes.js';

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
