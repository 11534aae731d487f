// `--auth jwt`: tokens signed elsewhere, verified by jose with a secret, a public key or a JWKS.
import { decodeProtectedHeader, errors, type JWTPayload, type JWTVerifyOptions, jwtVerify } from 'jose';
import { FanwireError } from '../base/error.js';
import { type Refusal, Refused } from '../protocol/codes.js';
import { type Authenticator, type AuthLog, type Identity, MAX_TOKEN_BYTES, TokenIdentity } from './auth.js';
import { JwksKeys, type JwksOptions, KeysUnavailable } from './jwks.js';
import { PUBLIC_KEY_ALGORITHMS, type VerificationKey } from './keys.js';
import { compilePatterns } from './permissions.js';

export interface JwtOptions {
  /** Reads the key; called again on SIGHUP. Exactly one of `loadKey` and `jwks` is given. */
  readonly loadKey?: (() => VerificationKey) | undefined;
  readonly jwks?: JwksOptions | undefined;
  /** Accepted `iss`; undefined accepts any. */
  readonly issuer?: string | undefined;
  /** Accepted `aud`; undefined accepts any. */
  readonly audience?: string | undefined;
  /** How far the issuer's clock may be off, in seconds; also added to `exp`. */
  readonly clockSkewS: number;
}

/** How many keys a token is tried with: each costs a signature check. */
const MAX_KEYS_TRIED = 16;

/** The refusal for each claim that fails its check. */
const CLAIM_REFUSAL: Record<string, Refusal> = {
  iss: Refused.tokenIssuer,
  aud: Refused.tokenAudience,
  nbf: Refused.tokenNotYetValid,
  iat: Refused.tokenNotYetValid,
};

export class JwtAuthenticator implements Authenticator {
  private readonly jwks: JwksKeys | undefined;
  private key: VerificationKey | undefined;
  private readonly checks: JWTVerifyOptions;

  constructor(
    private readonly options: JwtOptions,
    private readonly log: AuthLog,
  ) {
    if ((options.loadKey === undefined) === (options.jwks === undefined)) {
      throw new FanwireError(
        'FANWIRE_CONFIG_JWT_KEY',
        '--auth jwt needs exactly one of --jwt-secret, --jwt-secret-file, --jwt-public-key and --jwt-jwks',
      );
    }
    this.jwks = options.jwks && new JwksKeys(options.jwks, log);
    // Fetched at once, so that a wrong URL shows in the log at the start, not when the first client comes.
    void this.jwks?.fetch();
    this.key = options.loadKey?.();
    this.checks = {
      clockTolerance: options.clockSkewS,
      ...(options.issuer === undefined ? {} : { issuer: options.issuer }),
      ...(options.audience === undefined ? {} : { audience: options.audience }),
    };
  }

  authenticate(token: string | undefined): Refusal | Promise<Identity | Refusal> {
    if (token === undefined) return Refused.tokenMissing;
    if (token.length > MAX_TOKEN_BYTES) return Refused.tokenTooLarge;
    return this.verify(token);
  }

  async reload(): Promise<void> {
    if (this.jwks !== undefined) return this.jwks.fetch();
    try {
      this.key = this.options.loadKey?.();
      this.log.info({}, 'JWT key read again');
    } catch (error) {
      this.log.error({ reason: (error as Error).message }, 'JWT key not read again; keeping the old one');
    }
  }

  private async verify(token: string): Promise<Identity | Refusal> {
    try {
      const { payload } = await this.verified(token);
      return this.identity(payload);
    } catch (error) {
      return refusalFor(error);
    }
  }

  private verified(token: string): Promise<{ payload: JWTPayload }> {
    if (this.key !== undefined) {
      return jwtVerify(token, this.key.key, { ...this.checks, algorithms: [...this.key.algorithms] });
    }
    return this.verifiedByJwks(token, this.jwks as JwksKeys);
  }

  private async verifiedByJwks(token: string, jwks: JwksKeys): Promise<{ payload: JWTPayload }> {
    try {
      return await this.verifiedByAny(token, jwks);
    } catch (error) {
      // A token that names its key is refused if that key does not fit; one that names none may be signed with a newer
      // key.
      const mayBeNewer = error instanceof errors.JWSSignatureVerificationFailed && !namesItsKey(token);
      if (!mayBeNewer || !(await jwks.refresh())) throw error;
      return this.verifiedByAny(token, jwks);
    }
  }

  /** Verifies with the key that fits the token's header; if several fit, as several of one algorithm without `kid`
   *  do, tries each in turn. */
  private async verifiedByAny(token: string, jwks: JwksKeys): Promise<{ payload: JWTPayload }> {
    const options = { ...this.checks, algorithms: [...PUBLIC_KEY_ALGORITHMS] };
    try {
      return await jwtVerify(token, jwks.find, options);
    } catch (error) {
      if (!(error instanceof errors.JWKSMultipleMatchingKeys)) throw error;
      let tried = 0;
      for await (const key of error) {
        if (++tried > MAX_KEYS_TRIED) break;
        try {
          return await jwtVerify(token, key, options);
        } catch (failure) {
          if (!(failure instanceof errors.JWSSignatureVerificationFailed)) throw failure;
        }
      }
      throw new errors.JWSSignatureVerificationFailed();
    }
  }

  private identity(payload: JWTPayload): Identity | Refusal {
    const claim = payload.fanwire ?? {};
    if (payload.sub !== undefined && typeof payload.sub !== 'string') return Refused.tokenClaims;
    if (typeof claim !== 'object' || Array.isArray(claim)) return Refused.tokenClaims;
    const { sub, pub } = claim as { sub?: unknown; pub?: unknown };
    const endMs = ((payload.exp ?? Number.POSITIVE_INFINITY) + this.options.clockSkewS) * 1000;
    // One beyond all numbers never comes, and no client could read it.
    const expiresAtMs = Number.isFinite(endMs) ? endMs : undefined;
    return new TokenIdentity(
      payload.sub,
      expiresAtMs,
      compilePatterns(sub, 'the claim fanwire.sub'),
      compilePatterns(pub, 'the claim fanwire.pub'),
    );
  }
}

function namesItsKey(token: string): boolean {
  return decodeProtectedHeader(token).kid !== undefined;
}

/** The refusal for a failure. jose's message is not passed on: it may quote the token's claims. */
function refusalFor(error: unknown): Refusal {
  if (error instanceof FanwireError) return { ...Refused.tokenClaims, message: error.message };
  if (error instanceof KeysUnavailable) return Refused.keysUnavailable;
  if (error instanceof errors.JWTExpired) return Refused.tokenExpired;
  if (error instanceof errors.JWTClaimValidationFailed) return CLAIM_REFUSAL[error.claim] ?? Refused.tokenClaims;
  if (error instanceof errors.JOSEAlgNotAllowed) return Refused.tokenAlgorithm;
  if (error instanceof errors.JWSSignatureVerificationFailed) return Refused.tokenSignature;
  if (error instanceof errors.JWKSNoMatchingKey) return Refused.tokenKeyUnknown;
  return Refused.tokenMalformed;
}
