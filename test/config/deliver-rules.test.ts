// --deliver: what is understood, and what each refusal says.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseDeliverRules } from '../../src/config/deliver-rules.js';
import { ruleFor } from '../../src/config/topic-rules.js';

test('rules are read in order, with their windows and modes', () => {
  assert.deepEqual(
    parseDeliverRules(' prices/* = 50ms ; scores/*=200,latest;pos/*=1s,latest-by-key;raw/*=5ms,latest-by-key:, '),
    [
      { pattern: 'prices/*', windowMs: 50, mode: 'all', separator: undefined },
      { pattern: 'scores/*', windowMs: 200, mode: 'latest', separator: undefined },
      { pattern: 'pos/*', windowMs: 1000, mode: 'latest-by-key', separator: undefined },
      { pattern: 'raw/*', windowMs: 5, mode: 'latest-by-key', separator: ',' },
    ],
  );
  assert.deepEqual(parseDeliverRules(''), []);
  assert.equal(parseDeliverRules('a=1,latest-by-key:=')[0]?.separator, '=');
});

test('each mistake is one line with the value and the mend', () => {
  const refused: [string, RegExp][] = [
    ['a=0', /the window must be 1ms to 1h, in whole milliseconds, got "0"/],
    ['a=2h', /the window must be 1ms to 1h, in whole milliseconds, got "2h"/],
    ['a=50x', /the window must be 1ms to 1h, in whole milliseconds, got "50x"/],
    ['a', /is no pattern=window/],
    ['=50ms', /starts with no topic or prefix\*/],
    ['a*b=50ms', /starts with no topic or prefix\*/],
    ['a=50ms,newest', /the mode must be latest, latest-by-key or latest-by-key:separator, got "newest"/],
    ['a=50ms,latest-by-key:', /a separator has 1 to 8 characters, got 0/],
    [`${'x'.repeat(201)}=50ms`, /can never apply: a topic name is at most 200 bytes of UTF-8, got 201/],
    [`${'x'.repeat(201)}*=50ms`, /can never apply: a topic name is at most 200 bytes/],
    ['a\u0007b*=50ms', /can never apply: a topic name has no control characters/],
    ['..=50ms', /can never apply: a topic cannot be called "\.\."/],
    ['a=1.5ms', /in whole milliseconds, got "1.5ms"/],
    ['a/*=50ms;a/b=10ms', /"a\/b=10ms" can never apply: "a\/\*" stands before it; put it first/],
    ['a/*=50ms;a/*=10ms', /"a\/\*=10ms" can never apply: "a\/\*" stands before it; leave one of the two out/],
    ['a=50ms\nb=10ms', /got "50ms\\nb=10ms"$/],
  ];
  for (const [text, line] of refused) {
    assert.throws(
      () => parseDeliverRules(text),
      (error: Error & { code: string }) =>
        error.code === 'FANWIRE_CONFIG_DELIVER' && line.test(error.message) && !error.message.includes('\n'),
      text,
    );
  }
});

test('whatever the text, it gives rules or one line', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(...'ab/*=50ms;,latest-by-key: ') }), (text) => {
      try {
        for (const { pattern, windowMs } of parseDeliverRules(text)) {
          assert.ok(windowMs >= 1 && windowMs <= 3_600_000);
          assert.ok(ruleFor(parseDeliverRules(text), pattern.replace('*', 'x')) !== undefined);
        }
      } catch (error) {
        if (error instanceof assert.AssertionError) throw error;
        assert.equal((error as { code: string }).code, 'FANWIRE_CONFIG_DELIVER');
      }
    }),
  );
});

test('a separator may be spaces, and those after another one are none of it', () => {
  const separatorOf = (text: string) => parseDeliverRules(text).map(({ separator }) => separator);
  assert.deepEqual(separatorOf('a=1s,latest-by-key: '), [' ']);
  assert.deepEqual(separatorOf('a=1s,latest-by-key:\t;b=1s,latest-by-key:, ;c=1s, latest-by-key '), [
    '\t',
    ',',
    undefined,
  ]);
});
