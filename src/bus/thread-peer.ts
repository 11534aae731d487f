// Another thread as seen by the bus between threads: the rings to and from it, and what is under way on them.

import { CrossingQueue } from './crossing-queue.js';
import type { ThreadLink } from './link.js';
import { RingReader, RingWriter } from './ring.js';

export class ThreadPeer {
  readonly crossings: CrossingQueue;
  readonly reader: RingReader;
  /** Whether something was pushed since the last flush. */
  dirty = false;
  /** Whether its ring is read once a loop turn, rather than when the port says so. */
  awake = false;
  /** Parts of a long message that has not arrived whole. */
  private parts: Uint8Array[] = [];

  constructor(readonly link: ThreadLink) {
    this.crossings = new CrossingQueue(new RingWriter(link.outbound, link.port));
    this.reader = new RingReader(link.inbound);
  }

  /** Keeps a copy: the ring reuses its memory. */
  keepPart(payload: Uint8Array): void {
    this.parts.push(Buffer.from(payload));
  }

  /** The message that `last` ends. */
  whole(last: Uint8Array): Uint8Array {
    if (this.parts.length === 0) return last;
    const whole = Buffer.concat([...this.parts, last]);
    this.parts = [];
    return whole;
  }
}
