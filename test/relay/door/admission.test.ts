// Admission caps and token buckets: what gets in, what is refused until when, and that nothing leaks.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { mayPublish, newPublishBudget } from '../../../src/relay/budget/publish-limit.js';
import { take } from '../../../src/relay/budget/token-bucket.js';
import { Admission } from '../../../src/relay/door/admission.js';

const UNLIMITED = { maxConnections: 0, maxConnectionsPerIp: 0, handshakeRate: 0, workers: 1 };

test('caps in all and per address hold through random openings and closings, and released places are free again', () => {
  const address = fc.constantFrom('192.0.2.1', '192.0.2.2', '2001:db8:0:1:0:0:0:1', '2001:db8:0:1:0:0:0:2');
  fc.assert(
    fc.property(fc.array(fc.tuple(address, fc.boolean()), { maxLength: 200, size: 'max' }), (steps) => {
      const admission = new Admission({ ...UNLIMITED, maxConnections: 5, maxConnectionsPerIp: 2 });
      const open: string[] = [];
      const line = (text: string) => text.replace(/:[12]$/, '');
      for (const [from, opening] of steps) {
        if (!opening) {
          const index = open.indexOf(from);
          if (index >= 0) admission.release(open.splice(index, 1)[0] as string);
          continue;
        }
        const ofLine = open.filter((each) => line(each) === line(from)).length;
        const expected =
          open.length >= 5 ? 'FANWIRE_MAX_CONNECTIONS' : ofLine >= 2 ? 'FANWIRE_ADDRESS_FULL' : undefined;
        assert.equal(admission.admit(from)?.code, expected);
        if (expected === undefined) open.push(from);
        assert.equal(admission.connections, open.length);
      }
    }),
  );
});

test('handshakes beyond the rate are refused with the time to come back, and pass again as time goes by', () => {
  let nowMs = 0;
  const admission = new Admission({ ...UNLIMITED, handshakeRate: 10 }, undefined, () => nowMs);
  for (let i = 0; i < 10; i++) assert.equal(admission.admit('192.0.2.1'), undefined);
  const refusal = admission.admit('192.0.2.1');
  assert.equal(refusal?.code, 'FANWIRE_HANDSHAKE_RATE');
  assert.ok((refusal?.retryAfterS ?? 0) >= 1);
  nowMs = 100;
  assert.equal(admission.admit('192.0.2.1'), undefined);
  assert.equal(admission.admit('192.0.2.1')?.status, 503);
  assert.equal(admission.connections, 11);
});

test('over any stretch of time a bucket lets through no more than its rate, two bursts and one oversized take allow', () => {
  const step = fc.record({ afterMs: fc.nat(50), amount: fc.integer({ min: 1, max: 30 }) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 300, size: 'max' }), (steps) => {
      const bucket = { level: 20, atMs: 0 };
      let [nowMs, taken] = [0, 0];
      for (const { afterMs, amount } of steps) {
        nowMs += afterMs;
        if (take(bucket, amount, 100, 20, () => nowMs)) taken += amount;
        assert.ok(taken <= 2 * 20 + (nowMs * 100) / 1000 + 30);
      }
    }),
  );
});

test('a message bigger than a whole second of byte budget passes when the budget is full, and is paid for afterwards', () => {
  const limits = { maxPublishRate: 0, maxPublishBytesPerSecond: 1000 };
  const budget = newPublishBudget(limits, 0);
  assert.ok(mayPublish(budget, limits, 3000, () => 0));
  assert.ok(!mayPublish(budget, limits, 1, () => 1999));
  assert.ok(mayPublish(budget, limits, 1, () => 2100));
});
