// How a token is asked for, and how it is sent with the upgrade.
import { createAlarm } from './times.js';

/** A token, or a function that gives one. */
export type TokenSource = string | (() => string | Promise<string>) | undefined;

/** Characters of a subprotocol name (RFC 9110 `token`): every JWT fits. */
const SUBPROTOCOL_SAFE = /^[\w!#-'*+.^`|~-]+$/;

/** Asks for a token, for at most `limitMs`. Rejects if the source throws or does not answer in time, or once the
 *  function that `held` gets is called. */
export async function askToken(
  source: TokenSource,
  limitMs: number,
  held: (giveUp: () => void) => void,
): Promise<string | undefined> {
  const alarm = createAlarm();
  const limit = new Promise<never>((_, reject) => {
    const giveUp = (): void => reject(new Error('no answer'));
    held(giveUp);
    alarm(giveUp, limitMs);
  });
  try {
    return await Promise.race([limit, typeof source === 'function' ? source() : source]);
  } finally {
    alarm();
  }
}

/** The address and subprotocols to open a socket with. The token goes into the subprotocol list, which access logs
 *  do not show; one that does not fit there goes into the query. The address is built by hand, since React Native's
 *  URL is read-only. */
export function withToken(url: string, token: string | undefined): [url: string, protocols: string[]] {
  const protocols = ['fanwire.v1', 'fanwire.batch', 'fanwire.refusals'];
  if (token && SUBPROTOCOL_SAFE.test(token)) protocols.push(`fanwire.token.${token}`);
  else if (token) url += `${url.includes('?') ? '&' : '?'}token=${encodeURIComponent(token)}`;
  return [url, protocols];
}
