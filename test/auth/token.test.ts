// Where a token is found in a request, and which subprotocol an upgrade answers with.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chooseProtocol, findToken } from '../../src/auth/token.js';

test('a token is found in the Authorization header, then the subprotocol list, then the query', () => {
  const cases: [string | undefined, string | undefined, string | undefined, string | undefined][] = [
    ['Bearer h', 'fanwire.token.s', 'token=q', 'h'],
    ['bearer   h', undefined, undefined, 'h'],
    ['Basic Zm9v', 'fanwire.v1, fanwire.token.s', 'token=q', 's'],
    ['Bearer ', '', 'a=1&token=a%2Bb&c=2', 'a+b'],
    [undefined, 'fanwire.v1', 'xtoken=q', undefined],
    [undefined, undefined, 'token=', undefined],
  ];
  for (const [authorization, protocols, query, token] of cases) {
    assert.equal(findToken(authorization, protocols, query), token);
  }
});

test('an upgrade is answered with a protocol the relay speaks, and with the token entry only when nothing else was offered', () => {
  assert.equal(chooseProtocol('fanwire.token.t, fanwire.v1'), 'fanwire.v1');
  assert.equal(chooseProtocol('fanwire.raw,fanwire.token.t'), 'fanwire.raw');
  assert.equal(chooseProtocol('fanwire.token.t'), 'fanwire.token.t');
  assert.equal(chooseProtocol('graphql-ws'), undefined);
  assert.equal(chooseProtocol(undefined), '');
  assert.equal(chooseProtocol(' , '), '');
});
