// The key a JWT is verified with, read from configuration: an HS256 secret, or a public key as PEM or JWK.
import { createPublicKey, createSecretKey, type KeyObject } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { JWK } from 'jose';
import { FanwireError } from '../base/error.js';
import { withoutMark } from '../base/json-file.js';
import type { RelayConfig } from '../config/schema.js';

/** A verification key and the only algorithms accepted with it: a token never chooses how it is verified. */
export interface VerificationKey {
  readonly key: KeyObject;
  readonly algorithms: readonly string[];
}

/** HS256 wants a secret as long as its hash (RFC 7518 §3.2); a shorter one is guessable offline from any token. */
const MIN_SECRET_BYTES = 32;

/** Algorithms accepted from a JWKS: public keys only, so that a published key can never serve as an HMAC secret. */
export const PUBLIC_KEY_ALGORITHMS: readonly string[] = [
  ...['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'],
  ...['ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519'],
];

const CURVE_ALGORITHM: Record<string, string> = { prime256v1: 'ES256', secp384r1: 'ES384', secp521r1: 'ES512' };

/** A function that reads the configured key, and throws as the functions below do; undefined if the keys come from a
 *  JWKS. */
export function keyLoader(config: RelayConfig): (() => VerificationKey) | undefined {
  if (config.jwtSecret !== '') return () => secretKey(config.jwtSecret);
  if (config.jwtSecretFile !== '') return () => secretKeyFromFile(config.jwtSecretFile);
  if (config.jwtPublicKey !== '') return () => publicKeyFromFile(config.jwtPublicKey);
  return undefined;
}

/** Throws FanwireError FANWIRE_CONFIG_JWT_SECRET when the secret is too short. */
export function secretKey(secret: string): VerificationKey {
  const bytes = Buffer.from(secret, 'utf8');
  if (bytes.length < MIN_SECRET_BYTES) {
    throw new FanwireError(
      'FANWIRE_CONFIG_JWT_SECRET',
      `the JWT secret has ${bytes.length} bytes, HS256 needs at least ${MIN_SECRET_BYTES} (openssl rand -base64 48)`,
    );
  }
  return { key: createSecretKey(bytes), algorithms: ['HS256'] };
}

/** Reads a secret from a file, without the line end that editors add. */
export function secretKeyFromFile(path: string): VerificationKey {
  return secretKey(withoutMark(readKeyFile(path)).replace(/\r?\n$/, ''));
}

/** Reads a public key (PEM SPKI, PEM certificate or JWK JSON). Throws FanwireError FANWIRE_CONFIG_JWT_KEY. */
export function publicKeyFromFile(path: string): VerificationKey {
  const text = readKeyFile(path).trim();
  if (/PRIVATE KEY/.test(text)) throw badKey(path, 'holds a private key; the relay needs only the public one');
  if (!text.startsWith('{')) return fromKeyObject(path, () => createPublicKey(text));
  const jwk = parseJwk(path, text);
  if (jwk.d !== undefined) throw badKey(path, 'holds a private key; the relay needs only the public one');
  if (jwk.kty === 'oct') throw badKey(path, 'holds a secret; give it by --jwt-secret-file');
  return fromKeyObject(path, () => createPublicKey({ key: jwk as never, format: 'jwk' }));
}

function fromKeyObject(path: string, create: () => KeyObject): VerificationKey {
  let key: KeyObject;
  try {
    key = create();
  } catch (error) {
    throw badKey(path, `is no PEM public key, certificate or JWK (${(error as Error).message})`);
  }
  return { key, algorithms: algorithmsOf(path, key) };
}

function algorithmsOf(path: string, key: KeyObject): readonly string[] {
  const details = key.asymmetricKeyDetails;
  switch (key.asymmetricKeyType) {
    case 'rsa':
      if ((details?.modulusLength ?? 0) < 2048) throw badKey(path, 'is an RSA key of less than 2048 bits');
      return PUBLIC_KEY_ALGORITHMS.filter((name) => name.startsWith('RS') || name.startsWith('PS'));
    case 'ed25519':
      return ['EdDSA', 'Ed25519'];
    case 'ec': {
      const algorithm = CURVE_ALGORITHM[details?.namedCurve ?? ''];
      if (algorithm !== undefined) return [algorithm];
    }
  }
  throw badKey(path, 'is of a kind no JWT algorithm here uses (RSA, P-256, P-384, P-521 and Ed25519 are)');
}

function parseJwk(path: string, text: string): JWK {
  try {
    return JSON.parse(text) as JWK;
  } catch {
    throw badKey(path, 'is no valid JSON');
  }
}

function readKeyFile(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw badKey(path, `cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unknown error'})`);
  }
}

function badKey(path: string, what: string): FanwireError {
  return new FanwireError('FANWIRE_CONFIG_JWT_KEY', `key file ${path} ${what}`);
}
