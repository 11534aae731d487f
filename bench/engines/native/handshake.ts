// The opening handshake (RFC 6455, section 4.1): the request's bytes, and whether the response accepts it.

import { createHash, randomBytes } from 'node:crypto';

const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
const LONGEST_RESPONSE = 16_384;

/** One key for all connections of the process: servers do not remember keys, and a SHA-1 per connection would slow the
 *  ramp. */
const KEY = randomBytes(16).toString('base64');
const ACCEPT = createHash('sha1')
  .update(KEY + GUID)
  .digest('base64');

export function handshakeRequest(
  url: URL,
  protocol: string | undefined,
  headers: Readonly<Record<string, string>>,
): Buffer {
  const lines = [
    `GET ${url.pathname}${url.search} HTTP/1.1`,
    `Host: ${url.host}`,
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    `Sec-WebSocket-Key: ${KEY}`,
  ];
  if (protocol !== undefined) lines.push(`Sec-WebSocket-Protocol: ${protocol}`);
  for (const [name, value] of Object.entries(headers)) lines.push(`${name}: ${value}`);
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1');
}

/** The verdict on a response that may still be incomplete. `reason` is such as `HTTP 503`. */
export type HandshakeOutcome =
  | { readonly kind: 'incomplete' }
  | { readonly kind: 'open'; readonly headerBytes: number }
  | { readonly kind: 'refused'; readonly reason: string };

/** Checks the response received so far (latin1 text from its first byte). */
export function judgeResponse(text: string): HandshakeOutcome {
  const end = text.indexOf('\r\n\r\n');
  if (end < 0) {
    return text.length > LONGEST_RESPONSE
      ? { kind: 'refused', reason: 'no end of HTTP headers' }
      : { kind: 'incomplete' };
  }
  const status = /^HTTP\/1\.1 (\d{3})/.exec(text)?.[1];
  if (status === undefined) return { kind: 'refused', reason: 'not HTTP' };
  if (status !== '101') return { kind: 'refused', reason: `HTTP ${status}${redirect(text.slice(0, end))}` };
  const accept = /\r\nsec-websocket-accept:[ \t]*([^\r\n]*)/i.exec(text.slice(0, end))?.[1]?.trim();
  if (accept !== ACCEPT) return { kind: 'refused', reason: 'wrong Sec-WebSocket-Accept' };
  return { kind: 'open', headerBytes: end + 4 };
}

/** " to https://…" of a response that names another place; its query may be a secret. */
function redirect(head: string): string {
  const [, to] = /\r\nlocation:[ \t]*([^\r\n?#]{1,200})/i.exec(head) ?? [];
  return to === undefined ? '' : ` to ${to.trim()}`;
}
