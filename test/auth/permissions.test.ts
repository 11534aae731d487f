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
  // Pages from a file: what Electron and Cordova send, and what Chromium and Safari do.
  for (const entry of ['file://', 'file:///', 'file://*', 'FILE://'])
    assert.ok(compileOrigins([entry])('file://'), entry);
  assert.ok(compileOrigins(['null'])('file://') && !compileOrigins(['file://'])('null'));
  const matching: [string, string, string][] = [
    ['http://localhost:*', 'http://localhost:5173', 'http://localhost.evil.com:5173'],
    ['https://*.example.com:*', 'https://a.example.com:8443', 'http://a.example.com:8443'],
    ['https://*.example.com:443', 'https://a.example.com', 'https://a.example.com:444'],
    ['*.example.com:80', 'http://a.example.com', 'https://a.example.com'],
    ['moz-extension://*', 'moz-extension://0f3d-4c', 'chrome-extension://0f3d-4c'],
    ['Capacitor://LocalHost', 'capacitor://localhost', 'capacitor://localhost2'],
    ['app://.', 'app://.', 'app://x'],
    ['http://[::1]:*', 'http://[::1]:3000', 'http://[::2]:3000'],
    ['https://app.example.com/', 'https://app.example.com', 'https://app.example.com.evil.com'],
  ];
  for (const [entry, pass, fail] of matching) {
    const check = compileOrigins([entry]);
    assert.deepEqual([check(pass), check(fail)], [true, false], entry);
  }
  const never = [
    'ws://app.example.com',
    'wss://app.example.com',
    'https://*.example.com/',
    'file://host',
    '*.',
    'data:x',
  ];
  for (const entry of ['example.com', 'https://example.com/path', 'https://a.*.com', ...never]) {
    assert.throws(() => compileOrigins([entry]), {
      code: 'FANWIRE_CONFIG_ORIGIN',
      message: new RegExp(entry.slice(0, 7).replace(/[*.]/g, '\\$&')),
    });
  }
});
