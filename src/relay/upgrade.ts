// Whether a request may become a WebSocket, and on which topic.
import type { Refusal } from '../protocol/codes.js';
import { parseTopicPath } from '../protocol/topic-name.js';
import type { HttpRequest } from './uws.js';

/** What must hold before anything about the client is asked: the protocol version and a topic that can be. */
export function checkHandshake(req: HttpRequest): { readonly topic: string } | Refusal {
  const version = req.getHeader('sec-websocket-version');
  if (version !== '13') {
    return {
      status: 426,
      code: 'FANWIRE_WS_VERSION',
      message: `Sec-WebSocket-Version must be 13 (RFC 6455), got ${JSON.stringify(version)}`,
    };
  }
  return parseTopicPath(req.getUrl());
}
