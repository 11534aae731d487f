// `--history`: rules are read as written, and each mistake gets one line that names it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FanwireError } from '../../src/base/error.js';
import { parseHistoryRules } from '../../src/config/history-rules.js';
import { ruleFor } from '../../src/config/topic-rules.js';

test('rules are read in order with their units, and a bare N,TTL,bytes is for every topic', () => {
  assert.deepEqual(parseHistoryRules(' chat/*=1000,10m,1m ; a=b=5,90,2k;1,500ms,1G '), [
    { pattern: 'chat/*', maxMessages: 1000, ttlMs: 600_000, maxBytes: 1 << 20 },
    { pattern: 'a=b', maxMessages: 5, ttlMs: 90_000, maxBytes: 2048 },
    { pattern: '*', maxMessages: 1, ttlMs: 500, maxBytes: 1 << 30 },
  ]);
  assert.deepEqual(parseHistoryRules(''), []);
});

test('the first rule that matches a topic counts', () => {
  const rules = parseHistoryRules('chat/vip=9,1m,1m;chat/*=5,1m,1m');
  assert.equal(ruleFor(rules, 'chat/vip')?.maxMessages, 9);
  assert.equal(ruleFor(rules, 'chat/vip2')?.maxMessages, 5);
  assert.equal(ruleFor(rules, 'news'), undefined);
});

test('each mistake is named', () => {
  const cases: [string, RegExp][] = [
    ['chat', /"chat" needs three limits N,TTL,bytes/],
    ['chat=1,2', /needs three limits/],
    ['c*t=1,1s,1k', /starts with no topic or prefix\*/],
    ['=1,1s,1k', /starts with no topic/],
    ['x=0,1s,1k', /N must be 1 to 1000000, got "0"/],
    ['x=1,1w,1k', /TTL must be 1ms to 7d, got "1w"/],
    ['x=1,8d,1k', /TTL must be 1ms to 7d, got "8d"/],
    ['x=1,1s,10', /bytes must be 1k to 16g, got "10"/],
    ['x=1,1s,-5', /bytes must be/],
    ['x=1e3,1s,1k', /N must be/],
    ['a*=1,1s,1k;ab=1,1s,1k', /"ab=1,1s,1k" can never apply: "a\*" stands before it/],
  ];
  for (const [text, message] of cases) {
    assert.throws(
      () => parseHistoryRules(text),
      (error: FanwireError) => error.code === 'FANWIRE_CONFIG_HISTORY' && message.test(error.message),
      text,
    );
  }
});
