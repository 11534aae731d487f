// What replayed messages are on the wire: made once for all who get the same at the same time, as in a herd that joins
// one topic. Bounded, and empty once nobody was replayed to for a second.
import { msgFrame } from '../../protocol/frames.js';
import { rawOfKept } from '../../protocol/publish-id.js';
import { utf8 } from '../bytes.js';
import type { Kept } from './history.js';

const MAX_BYTES = 1024 * 1024;
/** Bytes that a frame is reckoned to take beside what is in it. */
const FRAME_OVERHEAD_BYTES = 200;

export interface ReplayedFrame {
  readonly bytes: Uint8Array;
  readonly isBinary: boolean;
}

export class ReplayedFrames {
  private readonly ofEnveloped = new Map<Kept, ReplayedFrame>();
  private readonly ofRaw = new Map<Kept, ReplayedFrame>();
  private bytes = 0;

  /** @param head of the message's topic: what is kept is of one topic */
  enveloped(head: string, kept: Kept): ReplayedFrame {
    let frame = this.ofEnveloped.get(kept);
    if (frame === undefined) {
      frame = { bytes: utf8(msgFrame(head, kept.body, kept.seq, kept.from)), isBinary: false };
      this.count(frame);
      this.ofEnveloped.set(kept, frame);
    }
    return frame;
  }

  raw(kept: Kept): ReplayedFrame {
    let frame = this.ofRaw.get(kept);
    if (frame === undefined) {
      const { raw } = rawOfKept(kept.body);
      frame = typeof raw === 'string' ? { bytes: utf8(raw), isBinary: false } : { bytes: raw, isBinary: true };
      this.count(frame);
      this.ofRaw.set(kept, frame);
    }
    return frame;
  }

  clear(): void {
    this.ofEnveloped.clear();
    this.ofRaw.clear();
    this.bytes = 0;
  }

  private count({ bytes }: ReplayedFrame): void {
    if (this.bytes > MAX_BYTES) this.clear();
    this.bytes += bytes.byteLength + FRAME_OVERHEAD_BYTES;
  }
}
