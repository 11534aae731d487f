// How a token travels with the upgrade, and when it should be renewed.

/** What fits a subprotocol name (RFC 9110 `token`): every JWT does. */
const SUBPROTOCOL_SAFE = /^[\w.!#$%&'*+^`|~-]+$/;

/** The address and subprotocols to open a socket with. A token goes into the subprotocol list, which no access log shows; one
 *  that does not fit there goes into the query. */
export function withToken(url: string, token: string | undefined): { url: string; protocols: string[] } {
  if (!token) return { url, protocols: ['fanwire.v1'] };
  if (SUBPROTOCOL_SAFE.test(token)) return { url, protocols: ['fanwire.v1', `fanwire.token.${token}`] };
  const target = new URL(url);
  target.searchParams.set('token', token);
  return { url: target.href, protocols: ['fanwire.v1'] };
}

/** Milliseconds after which to renew a JWT, at four fifths of its life; undefined for one that does not end or is no JWT. */
export function renewAfterMs(token: string, nowMs: number): number | undefined {
  try {
    const claims = JSON.parse(atob((token.split('.')[1] ?? '').replace(/-/g, '+').replace(/_/g, '/')));
    if (typeof claims.exp !== 'number') return undefined;
    const leftMs = claims.exp * 1000 - nowMs;
    // Where this clock is off by more than the token's life, its issuer's own count is the better guess.
    const lifeMs = (claims.exp - claims.iat) * 1000;
    return 0.8 * (leftMs > 0 ? leftMs : Math.max(lifeMs, 0));
  } catch {
    return undefined;
  }
}
