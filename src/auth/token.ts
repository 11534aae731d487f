// Where a client may put its token: the Authorization header, the WebSocket subprotocol list (browsers), or `?token=`.

import { queryValue } from '../protocol/query.js';

/** A subprotocol list entry that starts with this carries a token: `new WebSocket(url, ['fanwire.v1', 'fanwire.token.'
 *  + jwt])`. */
const TOKEN_PROTOCOL_PREFIX = 'fanwire.token.';

/** Offered beside fanwire.v1: a refusal of the token is to be sent as a close code, since browsers do not show why
 *  an upgrade failed. */
const HEARS_REFUSALS = 'fanwire.refusals';

/** Offered beside fanwire.v1: several ops may come in one frame, as a JSON array. */
const TAKES_BATCHES = 'fanwire.batch';

/** Subprotocols that the relay speaks, best first. `fanwire.raw` names raw mode, for a browser that also sends a
 *  token. */
const SPOKEN_PROTOCOLS = ['fanwire.v1', 'fanwire.raw'] as const;

/** Finds the token of a request. Authorization takes precedence over the subprotocol list, and that over the query,
 *  since headers do not appear in access logs. Each argument is the raw value, empty or undefined if the request has
 *  none. */
export function findToken(
  authorization: string | undefined,
  subprotocols: string | undefined,
  query: string | undefined,
): string | undefined {
  const bearer = /^bearer +(.+)$/i.exec(authorization ?? '')?.[1]?.trim();
  if (bearer) return bearer;
  for (const entry of listEntries(subprotocols)) {
    if (entry.startsWith(TOKEN_PROTOCOL_PREFIX)) return entry.slice(TOKEN_PROTOCOL_PREFIX.length);
  }
  return queryToken(query);
}

/**
 * The subprotocol to answer an upgrade with: empty when none was offered, undefined when none of those is spoken here.
 * A browser fails a connection whose offered list is not answered, so a token offered alone is answered with itself
 * (only its sender sees that); offering `fanwire.raw` beside it keeps the token out of the response.
 */
export function chooseProtocol(subprotocols: string | undefined): string | undefined {
  const offered = listEntries(subprotocols).filter((entry) => entry !== '');
  if (offered.length === 0) return '';
  return (
    SPOKEN_PROTOCOLS.find((protocol) => offered.includes(protocol)) ??
    offered.find((entry) => entry.startsWith(TOKEN_PROTOCOL_PREFIX))
  );
}

/** Whether a client wants to be let in to be told that its token is refused. */
export function hearsRefusals(subprotocols: string | undefined): boolean {
  return listEntries(subprotocols).includes(HEARS_REFUSALS);
}

/** Whether a client takes several ops in one frame. */
export function takesBatches(subprotocols: string | undefined): boolean {
  return listEntries(subprotocols).includes(TAKES_BATCHES);
}

function listEntries(header: string | undefined): string[] {
  if (!header) return [];
  return header.split(',').map((entry) => entry.trim());
}

function queryToken(query: string | undefined): string | undefined {
  return queryValue(query, 'token') || undefined;
}
