// Creates the authenticator that a configuration asks for.
import type { RelayConfig } from '../config/schema.js';
import type { Authenticator, AuthLog } from './auth.js';
import { keyLoader } from './keys.js';
import { noAuth } from './none.js';

/** Time between two JWKS fetches for unknown key ids: short enough for a key rotation, long enough to spare the
 *  issuer. */
const JWKS_COOLDOWN_MS = 10_000;
/** JWKS keys remain valid this long while their issuer cannot be reached. */
const JWKS_MAX_STALE_MS = 24 * 3_600_000;

/** What is not used is not loaded: jose takes 50 ms of CPU, of each worker too. Throws FanwireError (FANWIRE_AUTH_FILE,
 *  FANWIRE_CONFIG_JWT_KEY, FANWIRE_CONFIG_JWT_SECRET) for unusable files. */
export async function createAuthenticator(config: RelayConfig, log: AuthLog): Promise<Authenticator> {
  switch (config.auth) {
    case 'none':
      return noAuth;
    case 'static': {
      const { StaticAuthenticator } = await import('./static.js');
      return new StaticAuthenticator(config.tokensFile, log);
    }
    case 'jwt': {
      const { JwtAuthenticator } = await import('./jwt.js');
      return new JwtAuthenticator(
        {
          loadKey: keyLoader(config),
          jwks: config.jwtJwks === '' ? undefined : jwksOptions(config),
          issuer: config.jwtIssuer || undefined,
          audience: config.jwtAudience || undefined,
          clockSkewS: config.jwtClockSkewS,
        },
        log,
      );
    }
  }
}

function jwksOptions(config: RelayConfig) {
  return {
    url: new URL(config.jwtJwks),
    cacheMs: config.jwtJwksCacheS * 1000,
    cooldownMs: JWKS_COOLDOWN_MS,
    maxStaleMs: JWKS_MAX_STALE_MS,
  };
}
