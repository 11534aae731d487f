// Keeps copies of messages that wait for the flush, in one slab: uWS detaches a message's buffer when its handler
// returns.

/** Size that is kept between flushes. A burst that needs more allocates more, and releases it again. */
const SLAB_BYTES = 1 << 20;

const NOTHING = new Uint8Array(0);

/** Holds copies. `ArrayBuffer.slice` costs 557 ns of CPU for 64 bytes (allocation, and garbage collection), a copy
 *  into a slab and a view of it 42 ns (Node 20, 2 million copies). Copies are valid until `reset`. */
export class Slab {
  private bytes = NOTHING;
  private used = 0;

  /** @param size bytes allocated at a time; a larger message gets as many as it needs */
  constructor(private readonly size = SLAB_BYTES) {}

  /** @param size the message's bytes */
  copy(message: ArrayBuffer | Uint8Array, size: number): Uint8Array {
    if (this.used + size > this.bytes.length) {
      // Views of the old slab keep it in memory until they are gone.
      this.bytes = new Uint8Array(Math.max(this.size, size));
      this.used = 0;
    }
    this.bytes.set(message instanceof Uint8Array ? message : new Uint8Array(message), this.used);
    const view = new Uint8Array(this.bytes.buffer, this.used, size);
    this.used += size;
    return view;
  }

  /** Releases the memory. */
  free(): void {
    this.bytes = NOTHING;
    this.used = 0;
  }

  /** Invalidates every view handed out. */
  reset(): void {
    this.used = 0;
    if (this.bytes.length > this.size) this.bytes = new Uint8Array(this.size);
  }
}
