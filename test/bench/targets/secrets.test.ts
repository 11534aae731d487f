// What a dead program's last line may tell the world.
import assert from 'node:assert/strict';
import test from 'node:test';
import { lastWords } from '../../../bench/targets/last-words.js';
import { keepHeadersSecret, shownArguments, withoutSecrets } from '../../../bench/targets/secrets.js';
import { shownUrl } from '../../../bench/targets/target.js';

const ENV = {
  DB_PASSWORD: 'hunter2-and-more',
  API_TOKEN: 'abc',
  PATH: '/usr/bin',
  LONG_SECRET: 'hunter2-and-more-still',
};

test('secrets are covered, by their form and by the variables that hold them', () => {
  for (const [line, shown] of [
    ['Error: cannot reach postgres://app:pa55word@db:5432/x', 'Error: cannot reach postgres://app:***@db:5432/x'],
    ['Error: login of app with hunter2-and-more-still failed', 'Error: login of app with *** failed'],
    ['refused: Authorization: Bearer abcdef.123456', 'refused: Authorization: Bearer ***'],
    ['password=s3cret; host=db', 'password=***; host=db'],
    ['{"token":"abcdefgh","n":1}', '{"token":"***","n":1}'],
    ['bad key ghp_0123456789abcdefghij', 'bad key ***'],
    ['STRIPE_KEY=sk_live_1 TOKEN="abc def" node server.js', 'STRIPE_KEY=*** TOKEN="*** def" node server.js'],
    ['node server.js --auth-token abc123 --port 80', 'node server.js --auth-token *** --port 80'],
    ['compare --header "X-Own: abc def" --strict', 'compare --header "X-Own: ***" --strict'],
    ['compare --header X-Own:abc', 'compare --header X-Own:***'],
    ['https://0123456789abcdef0123@sentry.example/1', 'https://***@sentry.example/1'],
    ['jwt eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl expired', 'jwt *** expired'],
  ] as const) {
    assert.equal(withoutSecrets(line, ENV), shown);
  }
});

test('what only sounds like a secret stays', () => {
  for (const line of [
    'SyntaxError: Unexpected token: punc (})',
    'Error: listen EADDRINUSE: address already in use 127.0.0.1:9001',
    'abc is short',
    'TOKEN=$TOKEN DEBUG=relay node server.js --port 80 --tokens --strict',
    'Error: keyboard=us monkey=3',
    'ws://127.0.0.1:9001/topic closed with 1006',
  ]) {
    assert.equal(withoutSecrets(line, ENV), line);
  }
});

test('the last words of a program and the URL of a side go into reports without them', () => {
  assert.equal(lastWords('up\nError: redis://:pa55word@cache is gone\n    at x'), 'Error: redis://:***@cache is gone');
  assert.equal(shownUrl('wss://me:secret@relay.example/ws?token=x#y'), 'wss://relay.example/ws');
  assert.equal(shownUrl('ws://127.0.0.1:9001'), 'ws://127.0.0.1:9001');
});

test('a command to paste names the headers and URLs of the one that was given, and none of their secrets', () => {
  const given = [
    ...['compare', '--header', 'Authorization: Bearer abc', '--header=Cookie: a=1; b=2', '--header', 'Mistaken abc'],
    ...['--base', 'wss://me:pass@relay.example/ws?token=abc', '--head=ws://h/?key=1', '--start', 'TOKEN=abc node x.js'],
    ...['--serve', '--publish-token abcdef', '--build', 'npm ci'],
  ];
  assert.deepEqual(shownArguments(given), [
    ...['compare', '--header', 'Authorization: ***', '--header=Cookie: ***', '--header', 'Mistaken***'],
    ...['--base', 'wss://***@relay.example/ws?***', '--head=ws://h/?***', '--start', 'TOKEN=*** node x.js'],
    ...['--serve', '--publish-token ***', '--build', 'npm ci'],
  ]);
});

test('the value of a header is covered wherever it turns up, also without its scheme', () => {
  keepHeadersSecret({ 'X-Own': 'Custom 0a1b2c3d', Origin: 'http://shop.example' });
  assert.equal(
    lastWords('Error: 0a1b2c3d is unknown at http://shop.example'),
    'Error: *** is unknown at http://shop.example',
  );
});
