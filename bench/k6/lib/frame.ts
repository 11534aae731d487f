// The stamp (stamp.ts) in k6's payloads, where text is a string and binary an ArrayBuffer.

import { STAMP_BYTES } from './parameters.ts';
import {
  STAMP_MARK,
  STAMP_MEASURED,
  STAMP_WARMUP,
  stampDueUs,
  stampPublisher,
  stampSequence,
  writeStamp,
} from './stamp.ts';

/** Where readFrame stores what it read. One object for all deliveries, because allocations are expensive in k6's
 *  engine. `sequence` is -1 for a warm-up message. `dueAt`: ms since the epoch. */
export const frame = { publisher: 0, sequence: 0, dueAt: 0 };

const bytes = new Uint8Array(STAMP_BYTES);
/** The text that is now in `frame`. The subscribers of one topic receive the same text one after the other, so it need
 *  not be read again. */
let lastText = '';

/** Reads a received payload into `frame`; false when it is not a benchmark message (a server's greeting, for example).
 *  */
export function readFrame(payload: unknown): boolean {
  if (typeof payload === 'string') {
    if (payload === lastText) return true;
    if (payload.length < STAMP_BYTES) return false;
    for (let i = 0; i < STAMP_BYTES; i++) bytes[i] = payload.charCodeAt(i);
    if (!readStamp(bytes)) return false;
    lastText = payload;
    return true;
  }
  lastText = '';
  if (!(payload instanceof ArrayBuffer) || payload.byteLength < STAMP_BYTES) return false;
  return readStamp(new Uint8Array(payload, 0, STAMP_BYTES));
}

function readStamp(stamp: Uint8Array): boolean {
  if (stamp[0] !== STAMP_MARK || (stamp[1] !== STAMP_MEASURED && stamp[1] !== STAMP_WARMUP)) return false;
  frame.publisher = stampPublisher(stamp, 0);
  frame.sequence = stamp[1] === STAMP_MEASURED ? stampSequence(stamp, 0) : -1;
  frame.dueAt = stampDueUs(stamp, 0) / 1000;
  return true;
}

/** Writes frames of `size` bytes for one publisher; without a sequence number, a warm-up frame. */
export function frameWriter(
  publisher: number,
  size: number,
  binary: boolean,
): (sequence: number, dueAt: number) => string | ArrayBuffer {
  const stamp = (into: Uint8Array, sequence: number, dueAt: number) => {
    const kind = sequence < 0 ? STAMP_WARMUP : STAMP_MEASURED;
    writeStamp(into, 0, kind, publisher, Math.max(0, sequence), Math.round(dueAt * 1000));
  };
  if (binary) {
    return (sequence, dueAt) => {
      const buffer = new ArrayBuffer(size);
      stamp(new Uint8Array(buffer), sequence, dueAt);
      return buffer;
    };
  }
  const own = new Uint8Array(STAMP_BYTES);
  const padding = '.'.repeat(size - STAMP_BYTES);
  return (sequence, dueAt) => {
    stamp(own, sequence, dueAt);
    return String.fromCharCode(...own) + padding;
  };
}
