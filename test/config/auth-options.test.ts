// Authentication options that contradict each other: none may start a relay that is more open than it looks.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createAuthenticator } from '../../src/auth/create.js';
import { configWith } from '../support/config-with.js';
import { RecordedLog } from '../support/recorded-log.js';

test('keys without --auth jwt, --auth jwt without exactly one key, and tokens without --auth static are conflicts', () => {
  const secret = 's'.repeat(32);
  const cases: [Parameters<typeof configWith>[0], RegExp][] = [
    [{ jwtSecret: secret }, /--jwt-secret needs --auth jwt, got --auth none/],
    [{ auth: 'jwt' }, /exactly one of .*, got none/],
    [{ auth: 'jwt', jwtSecret: secret, jwtJwks: 'https://id.example/jwks' }, /got --jwt-secret and --jwt-jwks/],
    [{ auth: 'jwt', jwtJwks: 'file:///etc/jwks' }, /--jwt-jwks must be/],
    [{ auth: 'static' }, /needs --tokens-file/],
    [{ tokensFile: '/etc/tokens.json' }, /--tokens-file needs --auth static/],
  ];
  for (const [given, message] of cases) {
    assert.throws(
      () => configWith(given),
      (error: Error & { code: string }) => {
        assert.equal(error.code, 'FANWIRE_CONFIG_CONFLICT');
        assert.match(error.message, message);
        return !error.message.includes(secret);
      },
    );
  }
});

test('a short secret stops the start, and its value is in neither the error nor the log', async () => {
  const log = new RecordedLog();
  await assert.rejects(
    () => createAuthenticator(configWith({ auth: 'jwt', jwtSecret: 'hunter2' }), log),
    (error: Error & { code: string }) =>
      error.code === 'FANWIRE_CONFIG_JWT_SECRET' && !error.message.includes('hunter2'),
  );
  assert.equal(log.text(), '[]');
});
