// What the flags of a relay that the bench starts say of it.
import assert from 'node:assert/strict';
import test from 'node:test';
import { valuesOf } from '../../../bench/targets/own-relay.js';

test('a flag has its value behind it or behind "=", as often as it is given', () => {
  const flags = ['--cluster=nats://a', '--deliver', 'a=1s', '--workers', '2', '--deliver=b=2s;c=3s', '--deliver-x=1'];
  assert.deepEqual(valuesOf(flags, '--cluster'), ['nats://a']);
  assert.deepEqual(valuesOf(flags, '--deliver'), ['a=1s', 'b=2s;c=3s']);
  assert.deepEqual(valuesOf(flags, '--history'), []);
});
