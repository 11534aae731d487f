// Copies of messages that wait for the flush, in one slab: uWS neuters a message's buffer when its handler returns.

/** Kept between flushes. A burst that needs more gets more, and gives it back. */
const SLAB_BYTES = 1 << 20;

const NOTHING = new Uint8Array(0);

/** Where copies are put. `ArrayBuffer.slice` costs 557 ns of CPU for 64 bytes (allocation, and release by the
 *  collector), a copy into a slab and a view of it 42 ns (Node 20, 2 million copies). Valid until `reset`. */
export class Slab {
  private bytes = NOTHING;
  private used = 0;

  /** @param size bytes that are allocated at a time; a larger message gets as many as it needs */
  constructor(private readonly size = SLAB_BYTES) {}

  copy(message: ArrayBuffer | Uint8Array): Uint8Array {
    const size = message.byteLength;
    if (this.used + size > this.bytes.length) {
      // Views of the old slab keep it alive until they are gone.
      this.bytes = new Uint8Array(Math.max(this.size, size));
      this.used = 0;
    }
    this.bytes.set(message instanceof Uint8Array ? message : new Uint8Array(message), this.used);
    const view = new Uint8Array(this.bytes.buffer, this.used, size);
    this.used += size;
    return view;
  }

  /** Gives the memory back. */
  free(): void {
    this.bytes = NOTHING;
    this.used = 0;
  }

  /** Every view handed out is void from here on. */
  reset(): void {
    this.used = 0;
    if (this.bytes.length > this.size) this.bytes = new Uint8Array(this.size);
  }
}
