// JWT verification with real keys of every kind: what passes, and with which code everything else is refused.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { type CryptoKey, exportJWK, exportSPKI, generateKeyPair, type JWTPayload, SignJWT, UnsecuredJWT } from 'jose';
import { type Identity, isRefusal } from '../../src/auth/auth.js';
import { JwtAuthenticator, type JwtOptions } from '../../src/auth/jwt.js';
import { publicKeyFromFile, secretKey, secretKeyFromFile } from '../../src/auth/keys.js';
import { RecordedLog } from '../support/recorded-log.js';

const SECRET = 'a secret of more than thirty-two bytes';
const dir = mkdtempSync(join(tmpdir(), 'fanwire-jwt-'));
after(() => rmSync(dir, { recursive: true }));

function file(name: string, content: string): string {
  const path = join(dir, name);
  writeFileSync(path, content);
  return path;
}

function bySecret(options: Partial<JwtOptions> = {}): JwtAuthenticator {
  return new JwtAuthenticator({ loadKey: () => secretKey(SECRET), clockSkewS: 10, ...options }, new RecordedLog());
}

function sign(payload: JWTPayload, alg = 'HS256', key: CryptoKey | Uint8Array = Buffer.from(SECRET)): Promise<string> {
  return new SignJWT(payload).setProtectedHeader({ alg }).sign(key);
}

const nowS = (): number => Math.floor(Date.now() / 1000);

async function code(auth: JwtAuthenticator, token: string | undefined): Promise<string> {
  const outcome = await auth.authenticate(token);
  return isRefusal(outcome) ? outcome.code : 'accepted';
}

async function identity(auth: JwtAuthenticator, token: string): Promise<Identity> {
  const outcome = await auth.authenticate(token);
  assert.ok(!isRefusal(outcome), JSON.stringify(outcome));
  return outcome;
}

test('a signed token gives its user, its permissions and an expiry that includes the clock skew', async () => {
  const exp = nowS() + 60;
  const who = await identity(
    bySecret(),
    await sign({ sub: 'alice', exp, fanwire: { sub: ['room:*'], pub: ['room:1'] } }),
  );
  assert.equal(who.user, 'alice');
  assert.equal(who.expiresAtMs, (exp + 10) * 1000);
  assert.deepEqual(
    [who.canSubscribe('room:9'), who.canPublish('room:1'), who.canPublish('room:9')],
    [true, true, false],
  );
  const plain = await identity(bySecret(), await sign({ sub: 'bob' }));
  assert.deepEqual(
    [plain.expiresAtMs, plain.canSubscribe('lobby'), plain.canPublish('lobby')],
    [undefined, false, false],
  );
  // An end beyond all numbers is none: as Infinity it would be no JSON.
  assert.equal((await identity(bySecret(), await sign({ sub: 'alice', exp: 1e306 }))).expiresAtMs, undefined);
});

test('each way a token can be wrong is refused with its own code', async () => {
  const auth = bySecret({ issuer: 'https://id.example', audience: 'relay' });
  const good = { iss: 'https://id.example', aud: ['other', 'relay'] };
  const valid = await sign(good);
  const [head, body, signature] = valid.split('.') as [string, string, string];
  const cases: [string, string | undefined, string][] = [
    ['valid', valid, 'accepted'],
    ['absent', undefined, 'FANWIRE_TOKEN_MISSING'],
    ['alg none', new UnsecuredJWT(good).encode(), 'FANWIRE_TOKEN_ALGORITHM'],
    ['alg none with a signature', `${new UnsecuredJWT(good).encode()}${signature}`, 'FANWIRE_TOKEN_ALGORITHM'],
    ['another HMAC', await sign(good, 'HS512', Buffer.from(SECRET.repeat(2))), 'FANWIRE_TOKEN_ALGORITHM'],
    ['another secret', await sign(good, 'HS256', Buffer.from(SECRET.repeat(2))), 'FANWIRE_TOKEN_SIGNATURE'],
    [
      'another body',
      `${head}.${Buffer.from('{"iss":"https://id.example"}').toString('base64url')}.${signature}`,
      'FANWIRE_TOKEN_SIGNATURE',
    ],
    ['wrong issuer', await sign({ ...good, iss: 'https://evil.example' }), 'FANWIRE_TOKEN_ISSUER'],
    ['no issuer', await sign({ aud: 'relay' }), 'FANWIRE_TOKEN_ISSUER'],
    ['wrong audience', await sign({ ...good, aud: 'shop' }), 'FANWIRE_TOKEN_AUDIENCE'],
    ['expired beyond the skew', await sign({ ...good, exp: nowS() - 11 }), 'FANWIRE_TOKEN_EXPIRED'],
    ['expired within the skew', await sign({ ...good, exp: nowS() - 5 }), 'accepted'],
    ['not yet valid beyond the skew', await sign({ ...good, nbf: nowS() + 60 }), 'FANWIRE_TOKEN_NOT_YET_VALID'],
    ['not yet valid within the skew', await sign({ ...good, nbf: nowS() + 5 }), 'accepted'],
    ['exp that is no number', await sign({ ...good, exp: 'never' as unknown as number }), 'FANWIRE_TOKEN_CLAIMS'],
    ['sub that is no string', await sign({ ...good, sub: 7 as unknown as string }), 'FANWIRE_TOKEN_CLAIMS'],
    ['permissions that are no object', await sign({ ...good, fanwire: 'all' }), 'FANWIRE_TOKEN_CLAIMS'],
    ['patterns that are no list', await sign({ ...good, fanwire: { sub: '*' } }), 'FANWIRE_TOKEN_CLAIMS'],
    ['a star within a pattern', await sign({ ...good, fanwire: { pub: ['a*b'] } }), 'FANWIRE_TOKEN_CLAIMS'],
    ['oversized', await sign({ ...good, pad: 'x'.repeat(8192) }), 'FANWIRE_TOKEN_TOO_LARGE'],
    ['no JWT', 'hello', 'FANWIRE_TOKEN_MALFORMED'],
    ['two parts', `${head}.${body}`, 'FANWIRE_TOKEN_MALFORMED'],
    ['empty', '', 'FANWIRE_TOKEN_MALFORMED'],
    ['bad base64', '..', 'FANWIRE_TOKEN_MALFORMED'],
  ];
  for (const [what, token, expected] of cases) assert.equal(await code(auth, token), expected, what);
});

test('a refusal never repeats anything of the token', async () => {
  const auth = bySecret({ issuer: 'i' });
  const marker = 'marker-in-claims';
  for (const token of [await sign({ iss: marker }), await sign({ iss: 'i', sub: marker, exp: 1 }), `${marker}.x.y`]) {
    const outcome = JSON.stringify(await auth.authenticate(token));
    assert.match(outcome, /FANWIRE_TOKEN/);
    assert.ok(!outcome.includes(marker) && !outcome.includes(token));
  }
});

for (const alg of ['RS256', 'PS384', 'ES256', 'ES384', 'ES512', 'EdDSA']) {
  test(`a public key as PEM and as JWK verifies ${alg}, and its text never serves as an HMAC secret`, async () => {
    const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true });
    const pem = await exportSPKI(publicKey);
    const token = await sign({ sub: 'alice' }, alg, privateKey);
    const confused = await sign({ sub: 'mallory' }, 'HS256', Buffer.from(pem));
    for (const path of [file(`${alg}.pem`, pem), file(`${alg}.json`, JSON.stringify(await exportJWK(publicKey)))]) {
      const auth = new JwtAuthenticator({ loadKey: () => publicKeyFromFile(path), clockSkewS: 0 }, new RecordedLog());
      assert.equal((await identity(auth, token)).user, 'alice');
      assert.equal(await code(auth, confused), 'FANWIRE_TOKEN_ALGORITHM');
      assert.equal(
        await code(auth, await sign({}, alg, (await generateKeyPair(alg)).privateKey)),
        'FANWIRE_TOKEN_SIGNATURE',
      );
    }
  });
}

test('key files that would weaken or break verification are refused at the start, by a line that names the file', async () => {
  const { privateKey } = await generateKeyPair('ES256', { extractable: true });
  const jwk = await exportJWK(privateKey);
  const bad: [string, string, RegExp][] = [
    ['private.json', JSON.stringify(jwk), /private key/],
    ['private.pem', '-----BEGIN PRIVATE KEY-----\nMC4C\n-----END PRIVATE KEY-----', /private key/],
    ['oct.json', '{"kty":"oct","k":"c2VjcmV0"}', /--jwt-secret-file/],
    ['text.pem', 'hello', /no PEM public key/],
    ['broken.json', '{', /no valid JSON/],
  ];
  for (const [name, content, message] of bad) {
    const path = file(name, content);
    assert.throws(
      () => publicKeyFromFile(path),
      (error: Error & { code: string }) => {
        assert.equal(error.code, 'FANWIRE_CONFIG_JWT_KEY');
        assert.match(error.message, message);
        return error.message.includes(path);
      },
    );
  }
  assert.throws(() => secretKeyFromFile(file('secret', 'too short\n')), {
    code: 'FANWIRE_CONFIG_JWT_SECRET',
    message: /9 bytes/,
  });
  assert.throws(() => publicKeyFromFile('/nowhere/key.pem'), { message: /ENOENT/ });
});

test('reload takes a new key file, and keeps the old key when the new one is unusable', async () => {
  const path = file('rotating', SECRET);
  const log = new RecordedLog();
  const auth = new JwtAuthenticator({ loadKey: () => secretKeyFromFile(path), clockSkewS: 0 }, log);
  const next = `${SECRET} the second`;
  writeFileSync(path, `${next}\n`);
  await auth.reload();
  const token = await sign({}, 'HS256', Buffer.from(next));
  assert.equal(await code(auth, token), 'accepted');
  writeFileSync(path, 'short');
  await auth.reload();
  assert.equal(log.last().level, 'error');
  assert.equal(await code(auth, token), 'accepted');
});
