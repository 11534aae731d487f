// The stamp at the start of every benchmark message, whichever engine sends it: who sent it, its sequence number, when
// it was due. Pure: no I/O.
//
// 24 ASCII bytes, so that one layout serves text frames, binary frames and JSON strings (nothing in it needs escaping).
// Numbers are written base 32, five bits a byte, most significant first, as the characters `^` (94) to `}` (125).
//   0      `~`, which is in no envelope before the payload, so that a reader finds the stamp inside one
//   1      `m` measured, `w` warm-up
//   2–5    publisher, 20 bits
//   6–11   sequence number of that publisher, 30 bits, from 0; measured messages only
//   12–22  due time, 55 bits: µs since the Unix epoch on the generator's shared clock
//   23     `.`

import { STAMP_BYTES } from './parameters.ts';

export const STAMP_MARK = 126;
export const STAMP_MEASURED = 109;
export const STAMP_WARMUP = 119;

const ZERO = 94;
const TWO_25 = 2 ** 25;

/** Number of publishers that a run can have (20 bits). */
export const MAX_PUBLISHERS = 1 << 20;
/** Number of measured messages that one publisher can send in a run (30 bits). */
export const MAX_SEQUENCE = 2 ** 30;

/** Writes a stamp at `bytes[at]`. */
export function writeStamp(
  bytes: Uint8Array,
  at: number,
  kind: number,
  publisher: number,
  sequence: number,
  dueUs: number,
): void {
  bytes[at] = STAMP_MARK;
  bytes[at + 1] = kind;
  writeDigits(bytes, at + 2, 4, publisher);
  writeDigits(bytes, at + 6, 6, sequence);
  const high = Math.floor(dueUs / TWO_25);
  writeDigits(bytes, at + 12, 6, high);
  writeDigits(bytes, at + 18, 5, dueUs - high * TWO_25);
  bytes[at + STAMP_BYTES - 1] = 46;
}

function writeDigits(bytes: Uint8Array, at: number, digits: number, value: number): void {
  for (let i = at + digits - 1; i >= at; i--) {
    bytes[i] = ZERO + (value & 31);
    value >>>= 5;
  }
}

/** The publisher in the stamp at `bytes[at]`. */
export function stampPublisher(bytes: Uint8Array, at: number): number {
  return readDigits(bytes, at + 2, 4);
}

/** The sequence number in the stamp at `bytes[at]`. */
export function stampSequence(bytes: Uint8Array, at: number): number {
  return readDigits(bytes, at + 6, 6);
}

/** The due time (µs since the Unix epoch) in the stamp at `bytes[at]`. */
export function stampDueUs(bytes: Uint8Array, at: number): number {
  return readDigits(bytes, at + 12, 6) * TWO_25 + readDigits(bytes, at + 18, 5);
}

function readDigits(bytes: Uint8Array, at: number, digits: number): number {
  let value = 0;
  for (let i = at; i < at + digits; i++) value = (value << 5) | ((bytes[i] as number) - ZERO);
  return value;
}
