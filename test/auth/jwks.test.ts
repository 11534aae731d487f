// JWKS from a real HTTP server: caching, rotation, the cooldown against unknown key ids, and an issuer that goes away.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { type CryptoKey, exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose';
import { isRefusal } from '../../src/auth/auth.js';
import { JwtAuthenticator } from '../../src/auth/jwt.js';
import { RecordedLog } from '../support/recorded-log.js';

interface Issuer {
  readonly url: URL;
  keys: JWK[];
  fetches: number;
  status: number;
  server: Server;
}

async function startIssuer(t: TestContext, ...keys: JWK[]): Promise<Issuer> {
  const server = createServer((_request, response) => {
    issuer.fetches++;
    response.writeHead(issuer.status, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ keys: issuer.keys }));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const url = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks.json`);
  const issuer: Issuer = { url, keys, fetches: 0, status: 200, server };
  return issuer;
}

interface SigningKey {
  readonly jwk: JWK;
  token(): Promise<string>;
}

async function signingKey(kid: string, alg = 'ES256'): Promise<SigningKey> {
  const { publicKey, privateKey } = (await generateKeyPair(alg, { extractable: true })) as {
    publicKey: CryptoKey;
    privateKey: CryptoKey;
  };
  const jwk = { ...(await exportJWK(publicKey)), kid, alg };
  return { jwk, token: () => new SignJWT({ sub: kid }).setProtectedHeader({ alg, kid }).sign(privateKey) };
}

function authenticator(issuer: Issuer, times: { cacheMs?: number; cooldownMs?: number; maxStaleMs?: number } = {}) {
  const log = new RecordedLog();
  const jwks = { url: issuer.url, cacheMs: 60_000, cooldownMs: 60_000, maxStaleMs: 120_000, ...times };
  const auth = new JwtAuthenticator({ jwks, clockSkewS: 0 }, log);
  const outcome = async (token: string): Promise<string> => {
    const result = await auth.authenticate(token);
    return isRefusal(result) ? result.code : (result.user ?? '');
  };
  return { auth, log, outcome };
}

test('keys are fetched once for many tokens, RSA and Ed25519 side by side', async (t) => {
  const [rsa, ed] = [await signingKey('rsa', 'RS256'), await signingKey('ed', 'EdDSA')];
  const issuer = await startIssuer(t, rsa.jwk, ed.jwk);
  const { outcome } = authenticator(issuer);
  const tokens = await Promise.all([rsa.token(), ed.token(), rsa.token(), ed.token()]);
  assert.deepEqual(await Promise.all(tokens.map(outcome)), ['rsa', 'ed', 'rsa', 'ed']);
  assert.equal(issuer.fetches, 1);
});

test('a rotated key is found by fetching again, and a removed key stops working', async (t) => {
  const [first, second] = [await signingKey('first'), await signingKey('second')];
  const issuer = await startIssuer(t, first.jwk);
  const { outcome } = authenticator(issuer, { cooldownMs: 0 });
  assert.equal(await outcome(await first.token()), 'first');
  issuer.keys = [second.jwk];
  assert.equal(await outcome(await second.token()), 'second');
  assert.equal(await outcome(await first.token()), 'FANWIRE_TOKEN_KEY_UNKNOWN');
});

test('a flood of unknown key ids costs the issuer no fetch within the cooldown, also while the issuer fails', async (t) => {
  const [known, unknown] = [await signingKey('known'), await signingKey('unknown')];
  const issuer = await startIssuer(t, known.jwk);
  const { outcome } = authenticator(issuer);
  assert.equal(await outcome(await known.token()), 'known');
  const token = await unknown.token();
  const outcomes = new Set(await Promise.all(Array.from({ length: 50 }, () => outcome(token))));
  assert.deepEqual([[...outcomes], issuer.fetches], [['FANWIRE_TOKEN_KEY_UNKNOWN'], 1]);

  issuer.status = 500;
  const failing = authenticator(issuer);
  for (let i = 0; i < 5; i++) assert.equal(await failing.outcome(token), 'FANWIRE_KEYS_UNAVAILABLE');
  assert.equal(issuer.fetches, 2);
});

test('when the issuer goes away, known keys go on serving until they are too stale, and recover with it', async (t) => {
  const key = await signingKey('key');
  const issuer = await startIssuer(t, key.jwk);
  const lasting = authenticator(issuer, { cacheMs: 0, cooldownMs: 0 });
  const brief = authenticator(issuer, { cacheMs: 0, cooldownMs: 0, maxStaleMs: 0 });
  const token = await key.token();
  assert.equal(await lasting.outcome(token), 'key');
  issuer.status = 503;
  for (let i = 0; i < 3; i++) assert.equal(await lasting.outcome(token), 'key');
  assert.equal(await brief.outcome(token), 'FANWIRE_KEYS_UNAVAILABLE');
  const late = authenticator(issuer, { cooldownMs: 0 });
  assert.equal(await late.outcome(token), 'FANWIRE_KEYS_UNAVAILABLE');
  issuer.status = 200;
  assert.equal(await late.outcome(token), 'key');
  assert.match(late.log.lines[0]?.message ?? '', /JWKS fetch failed/);
  assert.ok(!late.log.text().includes(token));
});

test('a JWKS that lists a symmetric key never makes HMAC tokens valid', async (t) => {
  const secret = Buffer.alloc(32, 7);
  const issuer = await startIssuer(t, { kty: 'oct', k: secret.toString('base64url'), kid: 'oct', alg: 'HS256' });
  const { outcome } = authenticator(issuer);
  const token = await new SignJWT({}).setProtectedHeader({ alg: 'HS256', kid: 'oct' }).sign(secret);
  assert.equal(await outcome(token), 'FANWIRE_TOKEN_ALGORITHM');
});

async function namelessKey(alg: string): Promise<SigningKey> {
  const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true });
  const jwk = { ...(await exportJWK(publicKey)), use: 'sig' };
  return { jwk, token: () => new SignJWT({ sub: 'nameless' }).setProtectedHeader({ alg }).sign(privateKey) };
}

test('a token without a key id is tried with each key that fits, and refused when none verifies it', async (t) => {
  const keys = await Promise.all(['RS256', 'RS256', 'RS256', 'ES256'].map(namelessKey));
  const issuer = await startIssuer(t, ...keys.map(({ jwk }) => jwk));
  const { outcome } = authenticator(issuer);
  for (const key of keys) assert.equal(await outcome(await key.token()), 'nameless');
  const stranger = await namelessKey('RS256');
  for (let i = 0; i < 5; i++) assert.equal(await outcome(await stranger.token()), 'FANWIRE_TOKEN_SIGNATURE');
  assert.equal(issuer.fetches, 1);
  const other = await signingKey('named', 'RS256');
  assert.equal(await outcome(await other.token()), 'FANWIRE_TOKEN_KEY_UNKNOWN');
});

test('a rotated key without a key id is found by fetching again, but not within the cooldown', async (t) => {
  const [first, second, third] = await Promise.all(['ES256', 'ES256', 'ES256'].map(namelessKey));
  assert.ok(first && second && third);
  const issuer = await startIssuer(t, first.jwk);
  const { outcome } = authenticator(issuer, { cooldownMs: 1 });
  assert.equal(await outcome(await first.token()), 'nameless');
  issuer.keys = [second.jwk];
  await new Promise((resolve) => setTimeout(resolve, 5));
  assert.equal(await outcome(await second.token()), 'nameless');
  const patient = authenticator(issuer);
  assert.equal(await patient.outcome(await second.token()), 'nameless');
  issuer.keys = [third.jwk];
  assert.equal(await patient.outcome(await third.token()), 'FANWIRE_TOKEN_SIGNATURE');
});

test('a clock that is set ages no keys and prolongs no cooldown', async (t) => {
  const [first, second] = [await signingKey('first'), await signingKey('second')];
  const issuer = await startIssuer(t, first.jwk);
  const { outcome } = authenticator(issuer, { cooldownMs: 1, maxStaleMs: 60_000 });
  assert.equal(await outcome(await first.token()), 'first');
  const real = Date.now;
  t.after(() => {
    Date.now = real;
  });
  issuer.status = 500;
  Date.now = () => real() + 86_400_000;
  assert.equal(await outcome(await first.token()), 'first');
  issuer.status = 200;
  issuer.keys = [second.jwk];
  Date.now = () => real() - 86_400_000;
  await new Promise((resolve) => setTimeout(resolve, 5));
  assert.equal(await outcome(await second.token()), 'second');
});
