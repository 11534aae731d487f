// Verification keys from a JWKS URL: cached, refreshed in the background, and fetched again for an unknown key id, but
// not too often.
import { createRemoteJWKSet, errors, type JWTVerifyGetKey, type RemoteJWKSet } from 'jose';
import type { AuthLog } from './auth.js';

export interface JwksOptions {
  readonly url: URL;
  /** Keys older than this are refreshed in the background; requests do not wait. */
  readonly cacheMs: number;
  /** Least time between two fetches, failed ones included, so that unknown key ids cannot make the relay flood the
   *  issuer. */
  readonly cooldownMs: number;
  /** How long keys are used while the issuer cannot be reached, so that its outage does not lock clients out here. */
  readonly maxStaleMs: number;
}

/** No usable keys now, since the issuer cannot be reached. Unlike every other failure, it is worth a retry. */
export class KeysUnavailable extends Error {}

const FETCH_TIMEOUT_MS = 5000;

/** A monotonic clock: when the machine's clock is corrected, neither the age of keys nor a cooldown must jump. */
const now = (): number => performance.now();

export class JwksKeys {
  private readonly set: RemoteJWKSet;
  private fetchedAtMs = Number.NEGATIVE_INFINITY;
  private triedAtMs = Number.NEGATIVE_INFINITY;
  private pending: Promise<void> | undefined;

  constructor(
    private readonly options: JwksOptions,
    private readonly log: AuthLog,
  ) {
    // jose counts its cooldown from successful fetches only, and fails verification once its cache is stale. So both
    // are turned off, and handled in this class.
    this.set = createRemoteJWKSet(options.url, {
      cacheMaxAge: Number.POSITIVE_INFINITY,
      cooldownDuration: Number.POSITIVE_INFINITY,
      timeoutDuration: FETCH_TIMEOUT_MS,
    });
  }

  /** Finds the key of a token's header. Throws KeysUnavailable, or jose's JWKSNoMatchingKey. */
  readonly find: JWTVerifyGetKey = async (header, token) => {
    await this.ensureKeys();
    try {
      return await this.set(header, token);
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey)) throw error;
      if (!(await this.refresh())) throw error;
    }
    return this.set(header, token);
  };

  /** Fetches, unless that was tried a moment ago. Returns whether it did. */
  async refresh(): Promise<boolean> {
    if (this.pending === undefined && this.coolingDown()) return false;
    await this.fetch();
    return true;
  }

  /** Fetches now, regardless of the cooldown (SIGHUP). Failures are logged, and the old keys stay. */
  fetch(): Promise<void> {
    this.pending ??= this.fetchOnce().finally(() => {
      this.pending = undefined;
    });
    return this.pending;
  }

  private async ensureKeys(): Promise<void> {
    const ageMs = now() - this.fetchedAtMs;
    if (ageMs < this.options.cacheMs) return;
    const usable = ageMs < this.options.maxStaleMs;
    if (this.pending !== undefined || !this.coolingDown()) {
      const fetching = this.fetch();
      if (!usable) await fetching;
    }
    if (now() - this.fetchedAtMs >= this.options.maxStaleMs) throw new KeysUnavailable();
  }

  private coolingDown(): boolean {
    return now() - this.triedAtMs < this.options.cooldownMs;
  }

  private async fetchOnce(): Promise<void> {
    this.triedAtMs = now();
    try {
      await this.set.reload();
      this.fetchedAtMs = now();
      this.log.info({ url: this.options.url.href, keys: this.set.jwks()?.keys.length }, 'JWKS fetched');
    } catch (error) {
      const reason = (error as Error).cause ?? error;
      this.log.error(
        { url: this.options.url.href, reason: String(reason) },
        'JWKS fetch failed; keeping the keys at hand',
      );
    }
  }
}
