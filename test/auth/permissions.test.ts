// Topic patterns and origin allow-lists: what they let through, and that a mistake in one is an error.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { compileOrigins } from '../../src/auth/origins.js';
import { compilePatterns } from '../../src/auth/permissions.js';

test('a pattern matches its exact topic, or with a trailing * every topic that starts so, and nothing else', () => {
  const matcher = compilePatterns(['lobby', 'room:*'], 'sub');
  for (const topic of ['lobby', 'room:', 'room:1', 'room:1:2']) assert.ok(matcher.matches(topic), topic);
  for (const topic of ['', 'lobby2', 'Lobby', 'room', 'aroom:1', '*']) assert.ok(!matcher.matches(topic), topic);
  assert.ok(compilePatterns(['*'], 'sub').matches('anything'));
  for (const absent of [undefined, null, []]) assert.ok(!compilePatterns(absent, 'sub').matches('lobby'));
});

test('any topic list matches as its definition says, for random patterns and topics', () => {
  const word = fc.string({ unit: fc.constantFrom('a', 'b', ':'), minLength: 1, maxLength: 4 });
  const pattern = fc.tuple(word, fc.boolean()).map(([text, star]) => (star ? `${text}*` : text));
  fc.assert(
    fc.property(fc.array(pattern), word, (patterns, topic) => {
      const regexes = patterns.map((each) => new RegExp(`^${each.replace('*', '.*')}$`));
      assert.equal(
        compilePatterns(patterns, 'sub').matches(topic),
        regexes.some((regex) => regex.test(topic)),
      );
    }),
  );
});

test('patterns that cannot mean what they say are refused by a stable code that names the list', () => {
  for (const patterns of ['lobby', { 0: 'lobby' }, ['a*b'], ['**'], [''], [7], Array(257).fill('a')]) {
    assert.throws(() => compilePatterns(patterns, 'fanwire.sub'), {
      code: 'FANWIRE_PERMISSION_PATTERN',
      message: /fanwire\.sub/,
    });
  }
});

test('an origin passes when it is listed, a subdomain of a listed wildcard, or absent', () => {
  const allowed = [
    'https://app.example.com',
    'http://localhost:3000',
    '*.example.org',
    'https://*.example.net',
    'capacitor://localhost',
  ];
  const check = compileOrigins(allowed);
  const pass = [undefined, '', 'https://app.example.com', 'https://APP.example.com:443', 'http://localhost:3000'];
  pass.push('https://a.example.org', 'http://a.b.example.org', 'https://a.example.net', 'capacitor://localhost');
  for (const origin of pass) assert.ok(check(origin), String(origin));
  const refused = [
    'null',
    'http://app.example.com',
    'https://app.example.com:8443',
    'http://localhost',
    'https://example.org',
  ];
  refused.push(
    'https://evilexample.org',
    'https://a.example.org.evil.com',
    'https://a.example.org:8443',
    'http://a.example.net',
  );
  refused.push(
    'https://evil.com/.example.org',
    'https://user@a.example.org',
    'capacitor://evil',
    'not an origin',
    'file://',
  );
  for (const origin of refused) assert.ok(!check(origin), origin);
});

test('an empty origin list allows every page, null only passes when listed, and nonsense in the list is an error', () => {
  assert.ok(compileOrigins([])('https://any.example'));
  assert.ok(compileOrigins(['null'])('null'));
  for (const entry of ['example.com', 'https://example.com/path', 'https://a.*.com']) {
    assert.throws(() => compileOrigins([entry]), {
      code: 'FANWIRE_CONFIG_ORIGIN',
      message: new RegExp(entry.slice(0, 7)),
    });
  }
});
