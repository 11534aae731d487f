// Reading --state: what is understood, and that every mistake names the rule, the value and the mend.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FanwireError } from '../../src/base/error.js';
import { parseHistoryRules } from '../../src/config/history-rules.js';
import { loadConfig } from '../../src/config/load.js';
import { keptRules, parseStateRules } from '../../src/config/state-rules.js';

test('rules are read in order, with a number of keys and a time where they have them', () => {
  assert.deepEqual(parseStateRules(' prices/* ; pos=5000 ;a=b=7,90;here/*=10,10m'), [
    { pattern: 'prices/*', maxKeys: 10_000, ttlMs: 0 },
    { pattern: 'pos', maxKeys: 5000, ttlMs: 0 },
    { pattern: 'a=b', maxKeys: 7, ttlMs: 90_000 },
    { pattern: 'here/*', maxKeys: 10, ttlMs: 600_000 },
  ]);
  assert.deepEqual(parseStateRules(''), []);
});

test('a rule that is not understood, or can never apply, is refused with what mends it', () => {
  const cases: [string, RegExp][] = [
    ['pri*ces', /"pri\*ces" starts with no topic or prefix\*, such as/],
    ['prices/*,pos/*', /starts with no topic or prefix\*/],
    ['=5', /starts with no topic/],
    ['x=0', /keys from 1 to 1000000, got "0"/],
    ['x=many', /keys from 1 to 1000000, got "many"/],
    ['x=', /keys from 1 to 1000000, got ""/],
    ['x=5,1h,2', /after "=" come keys\[,TTL\]/],
    ['x=5,1w', /TTL must be 1ms to 7d, got "1w"/],
    ['x=5,0', /TTL must be 1ms to 7d, got "0"/],
    ['x=5,8d', /TTL must be 1ms to 7d/],
    ['a*;ab', /"ab" can never apply: "a\*" stands before it; put it first/],
    ['*;*', /can never apply/],
  ];
  for (const [text, message] of cases) {
    assert.throws(
      () => parseStateRules(text),
      (error: FanwireError) => error.code === 'FANWIRE_CONFIG_STATE' && message.test(error.message),
      text,
    );
  }
});

test('a state of topics that --history keeps already is refused, one beside it is not', () => {
  const history = 'prices/*=10,1m,1m';
  assert.throws(
    () => loadConfig({ flags: { history, state: 'prices/eur' } }),
    /"prices\/eur" can never apply: --history "prices\/\*" keeps these topics already/,
  );
  const rules = keptRules(parseHistoryRules('prices/eur=10,1m,1m'), parseStateRules('prices/*'));
  assert.deepEqual(
    rules.map(({ pattern, isState = false }) => [pattern, isState]),
    [
      ['prices/eur', false],
      ['prices/*', true],
    ],
  );
  assert.equal(loadConfig({ flags: { history, state: 'pos/*' } }).config.state, 'pos/*');
});
