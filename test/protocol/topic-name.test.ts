// Topic names: every path gives a topic or a refusal, and a name survives the trip through a URL.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { checkTopicName, MAX_TOPIC_BYTES, parseTopicPath } from '../../src/protocol/topic-name.js';

test('a name that the rules allow survives encodeURIComponent and back', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 40 }), (name) => {
      fc.pre(checkTopicName(name) === undefined);
      assert.deepEqual(parseTopicPath(`/${encodeURIComponent(name)}`), { topic: name });
    }),
  );
});

test('any path at all gives a lawful topic or a refusal, never a throw', () => {
  const latin1 = fc.string({ unit: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)) });
  const path = fc.oneof(
    latin1,
    fc.string({ unit: 'binary' }),
    fc.webPath(),
    fc.stringMatching(/^\/(%[0-9a-fA-F]{2}|%|x)*$/),
  );
  fc.assert(
    fc.property(path, (raw) => {
      const parsed = parseTopicPath(raw);
      if ('topic' in parsed) {
        assert.equal(checkTopicName(parsed.topic), undefined);
        assert.ok(Buffer.byteLength(parsed.topic) <= MAX_TOPIC_BYTES);
        return;
      }
      assert.equal(parsed.status, 400);
      assert.match(parsed.code, /^FANWIRE_TOPIC_(NAME|ENCODING)$/);
      assert.doesNotMatch(parsed.message, /[\p{Cc}\p{Cs}]/u);
    }),
  );
});

test('the slash alone names no topic, and further slashes belong to the name', () => {
  assert.equal((parseTopicPath('/') as { code?: string }).code, 'FANWIRE_TOPIC_NAME');
  assert.equal((parseTopicPath('') as { code?: string }).code, 'FANWIRE_TOPIC_NAME');
  assert.deepEqual(parseTopicPath('/room/1/'), { topic: 'room/1/' });
  assert.deepEqual(parseTopicPath('/room%2F1'), { topic: 'room/1' });
});

test('200 bytes pass and 201 do not, counted in UTF-8', () => {
  assert.equal(checkTopicName('é'.repeat(100)), undefined);
  assert.match(checkTopicName(`${'é'.repeat(100)}x`)?.message ?? '', /at most 200 bytes of UTF-8, got 201/);
  assert.equal(checkTopicName('x'.repeat(200)), undefined);
  assert.equal(checkTopicName('x'.repeat(201))?.code, 'FANWIRE_TOPIC_NAME');
});

test('control characters, lone surrogates and the empty name are refused', () => {
  for (const name of ['', 'a\0b', 'a\nb', '\x7f', '\x85', '\ud800x']) {
    assert.equal(checkTopicName(name)?.code, 'FANWIRE_TOPIC_NAME', JSON.stringify(name));
  }
  assert.equal((parseTopicPath('/a%0Ab') as { code?: string }).code, 'FANWIRE_TOPIC_NAME');
  assert.equal((parseTopicPath('/a%ff') as { code?: string }).code, 'FANWIRE_TOPIC_ENCODING');
});

test('a path that URL parsers rewrite is refused, and what they leave alone is not', () => {
  for (const path of [
    '/.',
    '/..',
    '/%2e',
    '/.%2E',
    '/a/../b',
    '/a/..',
    '/./a',
    '/a/%2e/b',
    '/a\\b',
    '/a#b',
    '/a\ufffd',
  ]) {
    const parsed = parseTopicPath(path);
    assert.ok('code' in parsed, path);
    const asked = new URL(`ws://relay${path}`).pathname;
    if (!path.includes('\ufffd')) assert.notEqual(asked, path, 'only what would be rewritten is refused');
  }
  for (const name of ['a/../b', './a', '...', 'a/..', '.a', 'a.', 'a\\b', 'a#b', '\ufffd']) {
    assert.deepEqual(parseTopicPath(new URL(`ws://relay/${encodeURIComponent(name)}`).pathname), { topic: name });
  }
  for (const name of ['.', '..']) assert.equal(checkTopicName(name)?.code, 'FANWIRE_TOPIC_NAME');
});
