// Outgoing client frames: masked once when the publisher starts, only the stamp is written anew for each message.

import { writeStamp } from '../../load/stamp.js';
import { STAMP_BYTES } from '../../scenarios/scenario.js';
import { OPCODE_BINARY, OPCODE_CLOSE, OPCODE_PONG, OPCODE_TEXT } from './frame-reader.js';

/** One publisher's frame: header, mask and masked payload, with a gap for the stamp. */
export class StampedFrame {
  readonly length: number;
  private readonly frame: Buffer;
  private readonly stampAt: number;
  private readonly maskAtStamp: Uint8Array;
  private readonly stamp = new Uint8Array(STAMP_BYTES);

  /** `before` and `after` surround the stamp: an envelope's text, and the padding. `prelude` is a whole frame sent
   *  ahead of each. */
  constructor(before: Uint8Array, after: Uint8Array, isBinary: boolean, prelude: Uint8Array = new Uint8Array(0)) {
    const payload = Buffer.concat([before, new Uint8Array(STAMP_BYTES), after]);
    const frame = maskedFrame(isBinary ? OPCODE_BINARY : OPCODE_TEXT, payload);
    const payloadAt = prelude.length + frame.length - payload.length;
    this.frame = Buffer.concat([prelude, frame]);
    this.length = this.frame.length;
    this.stampAt = payloadAt + before.length;
    const mask = this.frame.subarray(payloadAt - 4, payloadAt);
    this.maskAtStamp = Uint8Array.from({ length: STAMP_BYTES }, (_, i) => mask[(before.length + i) & 3] as number);
  }

  /** Writes the frame with this stamp at `out[at]`. */
  write(out: Buffer, at: number, kind: number, publisher: number, sequence: number, dueUs: number): void {
    writeStamp(this.stamp, 0, kind, publisher, sequence, dueUs);
    this.frame.copy(out, at);
    const from = at + this.stampAt;
    for (let i = 0; i < STAMP_BYTES; i++) {
      out[from + i] = (this.stamp[i] as number) ^ (this.maskAtStamp[i] as number);
    }
  }
}

/** A whole masked frame. */
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
