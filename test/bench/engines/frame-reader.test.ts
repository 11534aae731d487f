// The native engine's frame reader: whatever the cuts, the same messages.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { FrameReader, type FrameSink } from '../../../bench/engines/native/frame-reader.js';

const HEAD_BYTES = 24;

interface Frame {
  readonly opcode: number;
  readonly isFinal: boolean;
  readonly payload: Uint8Array;
}

type Seen = { kind: 'message'; head: string; length: number } | { kind: 'control'; opcode: number; payload: string };

/** A server's frame: not masked. */
function encode({ opcode, isFinal, payload }: Frame): Buffer {
  const length = payload.length;
  const header = length < 126 ? Buffer.alloc(2) : length < 65_536 ? Buffer.alloc(4) : Buffer.alloc(10);
  header[0] = (isFinal ? 0x80 : 0) | opcode;
  header[1] = length < 126 ? length : length < 65_536 ? 126 : 127;
  if (header.length === 4) header.writeUInt16BE(length, 2);
  if (header.length === 10) header.writeBigUInt64BE(BigInt(length), 2);
  return Buffer.concat([header, payload]);
}

function recorder(): { seen: Seen[]; violations: string[]; sink: FrameSink } {
  const seen: Seen[] = [];
  const violations: string[] = [];
  const sink: FrameSink = {
    message(bytes, at, available, length) {
      const head = Buffer.from(bytes.subarray(at, at + Math.min(available, HEAD_BYTES)));
      seen.push({ kind: 'message', head: head.toString('hex'), length });
    },
    control(opcode, payload) {
      seen.push({ kind: 'control', opcode, payload: Buffer.from(payload).toString('hex') });
    },
    violation: (reason) => violations.push(reason),
  };
  return { seen, violations, sink };
}

const length = fc.oneof(
  { weight: 6, arbitrary: fc.nat(140) },
  { weight: 1, arbitrary: fc.constantFrom(0, 125, 126, 65_535, 65_536, 70_000) },
);
const payload = fc
  .tuple(length, fc.nat(255))
  .map(([size, seed]) => Uint8Array.from({ length: size }, (_, i) => seed + i));
const control = fc.record({
  opcode: fc.constantFrom(9, 10),
  payload: fc.uint8Array({ maxLength: 125 }),
});
const message = fc.record({
  opcode: fc.constantFrom(1, 2),
  parts: fc.array(payload, { minLength: 1, maxLength: 4 }),
  between: fc.option(control, { nil: undefined }),
});

test('messages come out whole however their frames are fragmented, interleaved with control frames and cut into reads', () => {
  fc.assert(
    fc.property(
      fc.array(message, { maxLength: 12 }),
      fc.array(fc.integer({ min: 1, max: 5_000 })),
      (messages, cuts) => {
        const frames: Frame[] = [];
        const expected: Seen[] = [];
        for (const { opcode, parts, between } of messages) {
          parts.forEach((part, i) => {
            frames.push({ opcode: i === 0 ? opcode : 0, isFinal: i === parts.length - 1, payload: part });
            if (between === undefined || i !== 0 || parts.length === 1) return;
            frames.push({ ...between, isFinal: true });
            expected.push({
              kind: 'control',
              opcode: between.opcode,
              payload: Buffer.from(between.payload).toString('hex'),
            });
          });
          const whole = Buffer.concat(parts);
          expected.push({ kind: 'message', head: whole.subarray(0, HEAD_BYTES).toString('hex'), length: whole.length });
        }
        const stream = Buffer.concat(frames.map(encode));
        const { seen, violations, sink } = recorder();
        const reader = new FrameReader(sink, HEAD_BYTES);
        // One buffer for every read, as the engine has: nothing may be kept in it.
        const shared = Buffer.alloc(stream.length + 8);
        let at = 0;
        for (let i = 0; at < stream.length; i++) {
          const size = Math.min(cuts[i % Math.max(1, cuts.length)] ?? stream.length, stream.length - at);
          shared.fill(0xee);
          stream.copy(shared, 4, at, at + size);
          reader.read(shared, 4, 4 + size);
          at += size;
        }
        assert.deepEqual(seen, expected);
        assert.deepEqual(violations, []);
      },
    ),
    { numRuns: 300 },
  );
});

const broken: [string, Buffer, RegExp][] = [
  ['a masked frame', Buffer.from([0x82, 0x80, 1, 2, 3, 4]), /masked/],
  ['a reserved bit', Buffer.from([0xc2, 0x00]), /reserved/],
  ['an unknown opcode', Buffer.from([0x83, 0x00]), /opcode 3/],
  ['a fragmented ping', Buffer.from([0x09, 0x00]), /control/],
  ['a continuation of nothing', Buffer.from([0x80, 0x00]), /continuation/],
  ['a message inside another', Buffer.from([0x02, 0x00, 0x82, 0x00]), /inside/],
];
for (const [name, bytes, reason] of broken) {
  test(`${name} is a violation, and nothing after it is read`, () => {
    const { seen, violations, sink } = recorder();
    const reader = new FrameReader(sink, HEAD_BYTES);
    const more = Buffer.concat([bytes, encode({ opcode: 2, isFinal: true, payload: Buffer.from('later') })]);
    for (const byte of more) reader.read(Uint8Array.of(byte), 0, 1);
    assert.equal(violations.length, 1);
    assert.match(violations[0] ?? '', reason);
    assert.deepEqual(seen, []);
  });
}
