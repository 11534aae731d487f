// How a token is asked for, and how it travels with the upgrade.

/** A token, or what gives one. */
export type TokenSource = string | (() => string | Promise<string>) | undefined;

/** What fits a subprotocol name (RFC 9110 `token`): every JWT does. */
const SUBPROTOCOL_SAFE = /^[\w.!#$%&'*+^`|~-]+$/;

/** Asks for a token, at most for `limitMs`. Rejects where the source throws or does not answer. */
export async function askToken(source: TokenSource, limitMs: number): Promise<string | undefined> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error('no answer')), limitMs);
  });
  try {
    return await Promise.race([limit, typeof source === 'function' ? source() : source]);
  } finally {
    clearTimeout(timer);
  }
}

/** The address and subprotocols to open a socket with. A token goes into the subprotocol list, which no access log
 *  shows; one that does not fit there goes into the query. Written by hand: React Native's URL cannot be changed. */
export function withToken(url: string, token: string | undefined): [url: string, protocols: string[]] {
  const protocols = ['fanwire.v1', 'fanwire.refusals'];
  if (!token) return [url, protocols];
  if (SUBPROTOCOL_SAFE.test(token)) return [url, [...protocols, `fanwire.token.${token}`]];
  return [`${url}${url.includes('?') ? '&' : '?'}token=${encodeURIComponent(token)}`, protocols];
}
