// What the native engine knows of keys, without a network: age of the newest state, conflated, lost.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { totalCount } from '../../../bench/engines/native/counts.js';
import { dialects } from '../../../bench/engines/native/dialect.js';
import { StateTracker } from '../../../bench/engines/native/states.js';
import { STAMP_MARK, STAMP_MEASURED } from '../../../bench/k6/lib/stamp.js';

const EVERY_US = 1000;

/** Which of messages 0 … n−1 arrive, each how late. */
const arrivals = fc
  .array(fc.record({ isHere: fc.boolean(), lateUs: fc.nat(5000) }), { maxLength: 200 })
  .map((fates) =>
    fates
      .map(({ isHere, lateUs }, sequence) => ({ isHere, sequence, atUs: (sequence + 1) * EVERY_US + lateUs }))
      .sort((a, b) => a.atUs - b.atUs),
  );

test('whatever arrives, when and in which order: all is delivered, conflated or lost, and ages are those of the newest state', () => {
  fc.assert(
    fc.property(arrivals, fc.integer({ min: 1, max: 7 }), (fates, keys) => {
      const tracker = new StateTracker(2, keys);
      tracker.beginWhole(1);
      const newest = new Map<number, number>();
      let outOfOrder = 0;
      let ages = 0;
      let oldestUs = 0;
      for (const { isHere, sequence, atUs } of fates) {
        if (!isHere) continue;
        const known = newest.get(sequence % keys);
        tracker.hear(1, sequence, (sequence + 1) * EVERY_US, atUs);
        if (known !== undefined && known > sequence) {
          outOfOrder++;
          continue;
        }
        newest.set(sequence % keys, sequence);
        if (known === undefined) continue;
        ages++;
        oldestUs = Math.max(oldestUs, atUs - (known + 1) * EVERY_US);
      }
      const isMissing = (sequence: number) => !fates.some((one) => one.isHere && one.sequence === sequence);
      const absent = fates.map(({ sequence }) => sequence).filter(isMissing);
      const lost = absent.filter((sequence) => sequence > (newest.get(sequence % keys) ?? -1)).length;
      assert.equal(tracker.isComplete(1, fates.length), lost === 0);
      tracker.endWhole(1, fates.length);
      const delivered = fates.filter(({ isHere }) => isHere).length;
      assert.deepEqual(tracker.totals, { expected: delivered + lost, delivered, duplicated: 0, outOfOrder });
      assert.equal(tracker.conflated, absent.length - lost);
      const taken = tracker.ages.take();
      assert.equal(totalCount(taken), ages);
      // The layout of the counts keeps three digits.
      if (ages > 0) assert.ok(Math.abs((taken.at(-2) as number) - oldestUs) <= oldestUs / 1000);
    }),
    { numRuns: 500 },
  );
});

test('who joins late is owed what follows its first state of a key, and what comes twice is counted', () => {
  const tracker = new StateTracker(1, 2);
  tracker.beginLate(0);
  for (const sequence of [10, 14, 14]) tracker.hear(0, sequence, sequence, sequence);
  tracker.endWhole(0, 17);
  assert.deepEqual(tracker.totals, { expected: 3, delivered: 2, duplicated: 1, outOfOrder: 0 });
  assert.equal(tracker.conflated, 1);
});

test('each dialect carries the key of a message where its server looks for it, and the stamp behind it', () => {
  const shapes = {
    raw: /^0417,~m.{22}x{9}$/,
    'fanwire.v1': /^\{"op":"pub","topic":"t","key":"0417","data":"~m.{22}x{14}"\}$/,
    'socket.io': /^42\["m","0417,~m.{22}x{9}"\]$/,
  };
  for (const [name, shape] of Object.entries(shapes)) {
    const rules = dialects[name as keyof typeof dialects];
    const frame = rules.frame('t', 38, false, 4);
    const wire = Buffer.alloc(frame.length);
    frame.write(wire, 0, STAMP_MEASURED, 0, 5, 6, 417);
    const text = unmasked(wire);
    assert.match(text, shape, name);
    assert.ok(text.indexOf(String.fromCharCode(STAMP_MARK)) + 24 <= rules.headBytes);
  }
});

function unmasked(frame: Buffer): string {
  const headerBytes = ((frame[1] as number) & 127) < 126 ? 2 : 4;
  const mask = frame.subarray(headerBytes, headerBytes + 4);
  const payload = frame.subarray(headerBytes + 4).map((byte, i) => byte ^ (mask[i & 3] as number));
  return Buffer.from(payload).toString('latin1');
}
