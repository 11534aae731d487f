// Static tokens: what a file grants, what a reload changes, and that nothing of a token leaks.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { type Identity, isRefusal } from '../../src/auth/auth.js';
import { StaticAuthenticator } from '../../src/auth/static.js';
import type { Refusal } from '../../src/protocol/codes.js';
import { RecordedLog } from '../support/recorded-log.js';

const ALICE = 'alice-token-0123456789';
const BOB = 'bob-token-0123456789ab';

function tokenFile(t: { after(fn: () => void): void }, content: unknown): string {
  const dir = mkdtempSync(join(tmpdir(), 'fanwire-static-'));
  t.after(() => rmSync(dir, { recursive: true }));
  const path = join(dir, 'tokens.json');
  write(path, content);
  return path;
}

function write(path: string, content: unknown): void {
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
}

function identity(outcome: Identity | Refusal): Identity {
  assert.ok(!isRefusal(outcome), 'refused');
  return outcome;
}

function refusalCode(outcome: Identity | Refusal): string {
  assert.ok(isRefusal(outcome), 'accepted');
  return outcome.code;
}

test('a token of the file, plain or as SHA-256, gets its user and permissions; every other token is refused', (t) => {
  const sha256 = createHash('sha256').update(BOB).digest('hex');
  const path = tokenFile(t, {
    tokens: [
      { token: ALICE, user: 'alice', sub: ['room:*'], pub: ['room:1'] },
      { sha256, user: 'bob', sub: ['*'], expires: '2020-01-01T00:00:00Z' },
    ],
  });
  const auth = new StaticAuthenticator(path, new RecordedLog());
  const alice = identity(auth.authenticate(ALICE));
  assert.equal(alice.user, 'alice');
  assert.deepEqual(
    [alice.canSubscribe('room:2'), alice.canPublish('room:1'), alice.canPublish('room:2')],
    [true, true, false],
  );
  assert.equal(refusalCode(auth.authenticate(BOB)), 'FANWIRE_TOKEN_EXPIRED');
  assert.equal(refusalCode(auth.authenticate(undefined)), 'FANWIRE_TOKEN_MISSING');
  assert.equal(refusalCode(auth.authenticate(`${ALICE}x`)), 'FANWIRE_TOKEN_UNKNOWN');
  assert.equal(refusalCode(auth.authenticate(sha256)), 'FANWIRE_TOKEN_UNKNOWN');
  assert.equal(refusalCode(auth.authenticate('x'.repeat(8193))), 'FANWIRE_TOKEN_TOO_LARGE');
});

test('a reload revokes removed and changed tokens only, and a broken file changes nothing but says so without its content', (t) => {
  const alice = { token: ALICE, user: 'alice', sub: ['a'] };
  const bob = { token: BOB, user: 'bob', sub: ['b'] };
  const path = tokenFile(t, { tokens: [alice, bob] });
  const log = new RecordedLog();
  const auth = new StaticAuthenticator(path, log);
  const first = { alice: identity(auth.authenticate(ALICE)), bob: identity(auth.authenticate(BOB)) };

  write(path, { tokens: [alice, { ...bob, sub: ['c'] }] });
  auth.reload();
  assert.deepEqual([auth.holds(first.alice), auth.holds(first.bob)], [true, false]);
  assert.ok(identity(auth.authenticate(BOB)).canSubscribe('c'));

  for (const broken of [
    `{"tokens":[{"token":"${ALICE}",`,
    { tokens: [{ token: 'short' }] },
    { tokens: [{ ...alice, sub: ['a*b'] }] },
  ]) {
    write(path, broken);
    auth.reload();
    assert.match(log.last().message, /keeping the old/);
    assert.ok(identity(auth.authenticate(ALICE)).canSubscribe('a'));
  }
  assert.ok(!log.text().includes(ALICE.slice(0, 8)));
});

test('a token file that cannot be used stops the start with one line that names file and entry', (t) => {
  const cases: [unknown, RegExp][] = [
    [{ tokens: [{ sub: ['a'] }] }, /tokens\.0: needs either token or sha256/],
    [{ tokens: [{ token: ALICE, subs: [] }] }, /tokens\.0: .*subs/],
    [{ tokens: [{ token: 'has spaces in the middle' }] }, /tokens\.0\.token: may hold only/],
    [{ tokens: [{ token: ALICE }, { token: ALICE }] }, /tokens\.1: is the same token/],
    [{ tokens: [{ token: ALICE, pub: ['*x'] }] }, /tokens\.0\.pub/],
    ['{', /no valid JSON/],
  ];
  for (const [content, message] of cases) {
    const path = tokenFile(t, content);
    assert.throws(
      () => new StaticAuthenticator(path, new RecordedLog()),
      (error: Error & { code: string }) => {
        assert.equal(error.code, 'FANWIRE_AUTH_FILE');
        assert.match(error.message, message);
        assert.ok(error.message.includes(path) && !error.message.includes(ALICE));
        return true;
      },
    );
  }
  assert.throws(() => new StaticAuthenticator('/nowhere/tokens.json', new RecordedLog()), { message: /ENOENT/ });
});

test('a file that begins with a byte order mark, as some editors write it, is read', (t) => {
  const entry = { token: ALICE, user: 'alice', sub: ['*'], pub: [] };
  const path = tokenFile(t, `\ufeff${JSON.stringify({ tokens: [entry] })}`);
  assert.equal(identity(new StaticAuthenticator(path, new RecordedLog()).authenticate(ALICE)).user, 'alice');
});
