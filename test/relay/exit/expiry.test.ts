// When sockets are closed whose token has ended.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Expiry } from '../../../src/relay/exit/expiry.js';
import type { Connection } from '../../../src/relay/fanout/audience.js';
import { VirtualTime } from '../../support/virtual-time.js';

test('a socket is closed as the second ends in which its token does, and not before', async (t) => {
  const time = new VirtualTime(t);
  await time.pass(400);
  const closed: [ms: number, afterMs: number][] = [];
  const expiry = new Expiry((connection) => {
    const { expiresAtMs = 0 } = connection.identity;
    closed.push([expiresAtMs % 10_000, Date.now() - expiresAtMs]);
  });
  const second = Math.floor(Date.now() / 10_000) * 10_000;
  const watch = (expiresAtMs: number): void =>
    expiry.watch({ identity: { expiresAtMs }, expirySecond: 0 } as Connection);
  watch(second + 3000);
  await time.pass(1250);
  watch(second + 2000);
  watch(second + 3500);
  watch(second + 7000);
  await time.pass(9000);
  assert.deepEqual(closed, [
    [2000, 0],
    [3000, 0],
    [3500, 500],
    [7000, 0],
  ]);
  assert.equal(time.pending, 0, 'no timer without a socket that it is for');
});
