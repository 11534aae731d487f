// The native engine's bookkeeping, without a network: sequence numbers, latency counts, stamps, source addresses.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { addCounts, LatencyCounts } from '../../../bench/engines/native/counts.js';
import { StampedFrame } from '../../../bench/engines/native/frame-writer.js';
import { SourceAddresses } from '../../../bench/engines/native/source-address.js';
import { STAMP_BYTES } from '../../../bench/k6/lib/parameters.js';
import { SequenceTracker } from '../../../bench/k6/lib/sequence.js';
import { STAMP_MEASURED, stampDueUs, stampPublisher, stampSequence } from '../../../bench/k6/lib/stamp.js';
import { newLatencyHistogram, recordLatencyUs, summarizeLatency } from '../../../bench/measure/histogram.js';

/** What a network may do to messages 0 … n-1: some are left out, some come twice, each moves by less than the tracker's
 *  window. */
const disturbed = fc
  .array(fc.record({ copies: fc.constantFrom(0, 1, 1, 1, 2, 3), delay: fc.nat(20) }), { maxLength: 300 })
  .map((fates) =>
    fates
      .flatMap(({ copies, delay }, sequence) =>
        Array.from({ length: copies }, (_, i) => ({ sequence, at: sequence + (i === 0 ? delay : delay + 1) })),
      )
      .sort((a, b) => a.at - b.at)
      .map(({ sequence }) => sequence),
  )
  .chain((arrivals) => fc.record({ arrivals: fc.constant(arrivals), sent: fc.integer({ min: 300, max: 310 }) }));

test('lost, duplicated and out-of-order are counted exactly, whatever the network does within the window', () => {
  fc.assert(
    fc.property(disturbed, ({ arrivals, sent }) => {
      const tracker = new SequenceTracker(3);
      tracker.beginWhole(1);
      const heard = new Set<number>();
      let duplicated = 0;
      let outOfOrder = 0;
      let highest = -1;
      for (const sequence of arrivals) {
        const isFirst = tracker.hear(1, sequence);
        assert.equal(isFirst, !heard.has(sequence));
        if (heard.has(sequence)) duplicated++;
        else if (sequence < highest) outOfOrder++;
        heard.add(sequence);
        highest = Math.max(highest, sequence);
      }
      assert.equal(tracker.isComplete(1, sent), heard.size === sent);
      tracker.endWhole(1, sent);
      assert.deepEqual(tracker.totals, { expected: sent, delivered: heard.size, duplicated, outOfOrder });
    }),
    { numRuns: 500 },
  );
});

test('a subscriber that joins late is owed what follows its first message, one that is cut what preceded its last', () => {
  const tracker = new SequenceTracker(1);
  tracker.beginLate(0);
  for (const sequence of [40, 41, 43, 44]) tracker.hear(0, sequence);
  tracker.endEarly(0);
  assert.deepEqual(tracker.totals, { expected: 5, delivered: 4, duplicated: 0, outOfOrder: 0 });
  tracker.beginLate(0);
  tracker.endWhole(0, 100);
  assert.equal(tracker.totals.expected, 5, 'one that heard nothing is owed nothing that could be named');
});

test('latency counts give the very histogram that recording one by one gives', () => {
  fc.assert(
    fc.property(
      fc.array(fc.oneof(fc.integer({ min: -5, max: 5_000 }), fc.integer({ min: 0, max: 70_000_000 }))),
      (values) => {
        const counts = new LatencyCounts();
        const direct = newLatencyHistogram();
        for (const value of values) {
          counts.record(value);
          recordLatencyUs(direct, value);
        }
        const converted = newLatencyHistogram();
        addCounts(converted, counts.take());
        const { mean: convertedMean, ...convertedRest } = summarizeLatency(converted);
        const { mean, ...rest } = summarizeLatency(direct);
        assert.deepEqual(convertedRest, rest);
        assert.ok(Math.abs((convertedMean ?? 0) - (mean ?? 0)) <= 0.001 * (mean ?? 0) + 0.001);
        assert.equal(counts.take().length, 0);
      },
    ),
  );
});

test('a stamped frame carries publisher, sequence and due time through the mask, in text that JSON need not escape', () => {
  fc.assert(
    fc.property(
      fc.nat(2 ** 20 - 1),
      fc.nat(2 ** 30 - 1),
      fc.integer({ min: 0, max: 4e15 }),
      fc.integer({ min: STAMP_BYTES, max: 200 }),
      (publisher, sequence, dueUs, payloadBytes) => {
        const before = Buffer.from('{"d":"');
        const frame = new StampedFrame(before, Buffer.alloc(payloadBytes - STAMP_BYTES, 'x'), false);
        const wire = Buffer.alloc(frame.length);
        frame.write(wire, 0, STAMP_MEASURED, publisher, sequence, dueUs);
        const payload = unmasked(wire);
        assert.equal(payload.length, before.length + payloadBytes);
        const at = before.length;
        assert.deepEqual(
          [stampPublisher(payload, at), stampSequence(payload, at), stampDueUs(payload, at)],
          [publisher, sequence, dueUs],
        );
        const stamp = payload.toString('latin1', at, at + STAMP_BYTES);
        assert.equal(JSON.stringify(stamp), `"${stamp}"`);
      },
    ),
  );
});

function unmasked(frame: Buffer): Buffer {
  const headerBytes = ((frame[1] as number) & 127) < 126 ? 2 : 4;
  const mask = frame.subarray(headerBytes, headerBytes + 4);
  return Buffer.from(frame.subarray(headerBytes + 4).map((byte, i) => byte ^ (mask[i & 3] as number)));
}

test('no two connections of three processes share a source address and port, and none is in the range that the kernel picks from', () => {
  const seen = new Set<string>();
  for (let lane = 0; lane < 3; lane++) {
    const sources = new SourceAddresses(lane, 3, [], true);
    for (let i = 0; i < 20_000; i++) {
      const { localAddress, localPort } = sources.next();
      assert.match(localAddress ?? '', /^127\.0\.0\.[2-9]$/);
      assert.ok((localPort ?? 0) < 32_768);
      seen.add(`${localAddress}:${localPort}`);
    }
  }
  assert.equal(seen.size, 60_000);
});
