// How a token is asked for, and how it travels with the upgrade.
import { createAlarm } from './times.js';

/** A token, or what gives one. */
export type TokenSource = string | (() => string | Promise<string>) | undefined;

/** What fits a subprotocol name (RFC 9110 `token`): every JWT does. */
const SUBPROTOCOL_SAFE = /^[\w.!#$%&'*+^`|~-]+$/;

/** Asks for a token, at most for `limitMs`. Rejects where the source throws or does not answer. */
export async function askToken(source: TokenSource, limitMs: number): Promise<string | undefined> {
  const alarm = createAlarm();
  const limit = new Promise<never>((_, reject) => alarm(() => reject(new Error('no answer')), limitMs));
  try {
    return await Promise.race([limit, typeof source === 'function' ? source() : source]);
  } finally {
    alarm();
  }
}

/** The address and subprotocols to open a socket with. A token goes into the subprotocol list, which no access log
 *  shows; one that does not fit there goes into the query. Written by hand: React Native's URL cannot be changed. */
export function withToken(url: string, token: string | undefined): [url: string, protocols: string[]] {
  const protocols = ['fanwire.v1', 'fanwire.batch', 'fanwire.refusals'];
  if (token && SUBPROTOCOL_SAFE.test(token)) protocols.push(`fanwire.token.${token}`);
  else if (token) url += `${url.includes('?') ? '&' : '?'}token=${encodeURIComponent(token)}`;
  return [url, protocols];
}
