// Replayed messages as frames: made once for all subscribers that get the same at the same time, as when many join one
// topic at once. Bounded, and emptied when nobody was replayed to for a second.
import { msgFrame } from '../../protocol/frames.js';
import { rawOfKept } from '../../protocol/publish-id.js';
import { utf8 } from '../bytes.js';
import type { Kept } from './history.js';
import { numberOf } from './meanwhile.js';

const MAX_BYTES = 1024 * 1024;
/** Estimated bytes of a frame besides its content. */
const FRAME_OVERHEAD_BYTES = 200;

export interface ReplayedFrame {
  readonly bytes: Uint8Array;
  readonly isBinary: boolean;
}

export class ReplayedFrames {
  private readonly ofEnveloped = new Map<Kept, ReplayedFrame>();
  private readonly ofRaw = new Map<Kept, ReplayedFrame>();
  private bytes = 0;

  /** @param head of the message's topic */
  enveloped(head: string, kept: Kept): ReplayedFrame {
    let frame = this.ofEnveloped.get(kept);
    if (frame === undefined) {
      frame = { bytes: utf8(msgFrame(head, kept.body, numberOf(kept), kept.from)), isBinary: false };
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
