// What windows hold, of all topics together. Each topic's window has a bound of its own, but one client can be in many
// topics with windows of an hour: without a common bound that would fill the memory.

/** Bytes of a message that waits, besides its content. */
const OVERHEAD_BYTES = 256;

const MAX_BYTES = 64 * 1024 * 1024;

export function heldBytes(content: number): number {
  return content + OVERHEAD_BYTES;
}

export class HeldBytes {
  /** What waits for the ends of windows. */
  waiting = 0;
  /** What is kept for subscribers that do not read. */
  kept = 0;

  /** @param endEarly called while too much waits: ends windows before their time */
  constructor(
    private readonly endEarly: () => void,
    readonly maxBytes = MAX_BYTES,
  ) {}

  wait(bytes: number): void {
    this.waiting += bytes;
    if (this.waiting > this.maxBytes) this.endEarly();
  }

  /** What waited has gone. */
  gone(bytes: number): void {
    this.waiting -= bytes;
  }

  get keepsTooMuch(): boolean {
    return this.kept > this.maxBytes;
  }
}
