// Outgoing client frames. They are masked once, when the publisher starts; only the stamp is rewritten for each
// message.

import { STAMP_BYTES } from '../../k6/lib/parameters.js';
import { writeStamp } from '../../k6/lib/stamp.js';
import { OPCODE_BINARY, OPCODE_CLOSE, OPCODE_PONG, OPCODE_TEXT } from './frame-reader.js';

/** Where a message's key is, before its stamp: a number with `digits` digits. */
export interface KeyPlace {
  readonly at: number;
  readonly digits: number;
}

const ZERO = 48;

/** One publisher's frame: header, mask and masked payload, with gaps for the stamp and for the key, if it has one. */
export class StampedFrame {
  readonly length: number;
  private readonly frame: Buffer;
  private readonly stampAt: number;
  private readonly maskAtStamp: Uint8Array;
  private readonly stamp = new Uint8Array(STAMP_BYTES);
  private readonly keyAt: number;
  private readonly keyDigits: number;
  private readonly maskAtKey: Uint8Array;

  /** `before` and `after` surround the stamp: an envelope's text, and the padding. `prelude` is a whole frame sent
   *  before each message; `key` is inside `before`. */
  constructor(
    before: Uint8Array,
    after: Uint8Array,
    isBinary: boolean,
    { prelude = new Uint8Array(0), key }: { readonly prelude?: Uint8Array; readonly key?: KeyPlace | undefined } = {},
  ) {
    const payload = Buffer.concat([before, new Uint8Array(STAMP_BYTES), after]);
    const frame = maskedFrame(isBinary ? OPCODE_BINARY : OPCODE_TEXT, payload);
    const payloadAt = prelude.length + frame.length - payload.length;
    this.frame = Buffer.concat([prelude, frame]);
    this.length = this.frame.length;
    this.stampAt = payloadAt + before.length;
    const mask = this.frame.subarray(payloadAt - 4, payloadAt);
    this.maskAtStamp = Uint8Array.from({ length: STAMP_BYTES }, (_, i) => mask[(before.length + i) & 3] as number);
    const { at = 0, digits = 0 } = key ?? {};
    this.keyAt = payloadAt + at;
    this.keyDigits = digits;
    this.maskAtKey = Uint8Array.from({ length: digits }, (_, i) => mask[(at + i) & 3] as number);
  }

  /** Writes the frame with this stamp, and with this key if it has one, at `out[at]`. */
  write(out: Buffer, at: number, kind: number, publisher: number, sequence: number, dueUs: number, key = 0): void {
    writeStamp(this.stamp, 0, kind, publisher, sequence, dueUs);
    this.frame.copy(out, at);
    const from = at + this.stampAt;
    for (let i = 0; i < STAMP_BYTES; i++) {
      out[from + i] = (this.stamp[i] as number) ^ (this.maskAtStamp[i] as number);
    }
    let rest = key;
    for (let i = this.keyDigits - 1; i >= 0; i--) {
      out[at + this.keyAt + i] = (ZERO + (rest % 10)) ^ (this.maskAtKey[i] as number);
      rest = Math.floor(rest / 10);
    }
  }
}

/** A complete masked frame. */
export function maskedFrame(opcode: number, payload: Uint8Array): Buffer {
  const extended = payload.length < 126 ? 0 : payload.length < 65536 ? 2 : 8;
  const frame = Buffer.alloc(2 + extended + 4 + payload.length);
  frame[0] = 0x80 | opcode;
  if (extended === 0) frame[1] = 0x80 | payload.length;
  else if (extended === 2) {
    frame[1] = 0x80 | 126;
    frame.writeUInt16BE(payload.length, 2);
  } else {
    frame[1] = 0x80 | 127;
    frame.writeBigUInt64BE(BigInt(payload.length), 2);
  }
  const maskAt = 2 + extended;
  frame.writeUInt32BE(Math.floor(Math.random() * 2 ** 32), maskAt);
  for (let i = 0; i < payload.length; i++) {
    frame[maskAt + 4 + i] = (payload[i] as number) ^ (frame[maskAt + (i & 3)] as number);
  }
  return frame;
}

export const CLOSE_NORMAL = maskedFrame(OPCODE_CLOSE, Uint8Array.of(0x03, 0xe8));

export function pongFrame(payload: Uint8Array): Buffer {
  return maskedFrame(OPCODE_PONG, payload);
}
