// Counts connections for their caps, in total and by address: of this thread alone, or of all threads of the process
// together.

export interface Ledger {
  /** Connections of all threads. */
  total(): number;
  /** Connections of an address key (see addressKey) over all threads; may be too high, never too low. */
  of(key: string): number;
  /** `key` is undefined if connections are not counted by address. */
  add(key: string | undefined, change: 1 | -1): void;
}

/** Exact counts of one thread. */
export class LocalLedger implements Ledger {
  private open = 0;
  private readonly byKey = new Map<string, number>();

  total(): number {
    return this.open;
  }

  of(key: string): number {
    return this.byKey.get(key) ?? 0;
  }

  add(key: string | undefined, change: 1 | -1): void {
    this.open += change;
    if (key === undefined) return;
    const count = this.of(key) + change;
    if (count === 0) this.byKey.delete(key);
    else this.byKey.set(key, count);
  }
}

/** Counters in a row; a power of two. */
const ROW = 2 ** 18;
/** One count of connections, then two rows of counts by hash of the key: 2 MiB a thread. */
const PER_THREAD = 1 + 2 * ROW;

/** Counts in shared memory. Each thread writes only its own counters, so that those of a thread that died can be
 *  removed; the sum over the threads is the answer. By address it is a count-min sketch (Cormode and Muthukrishnan,
 *  2005): an address reads too high only if others collide with it in both rows. With 100,000 addresses that happens
 *  to 1 in 10, by the other's one or two connections. Two threads that ask at the same moment may together admit one
 *  too many. */
export class SharedLedger implements Ledger {
  private readonly counts: Int32Array;
  private readonly threads: number;

  constructor(
    memory: SharedArrayBuffer,
    private readonly thread: number,
  ) {
    this.counts = new Int32Array(memory);
    this.threads = this.counts.length / PER_THREAD;
  }

  static allocate(threads: number): SharedArrayBuffer {
    return new SharedArrayBuffer(threads * PER_THREAD * Int32Array.BYTES_PER_ELEMENT);
  }

  /** Removes what a thread that died had counted. */
  static clear(memory: SharedArrayBuffer, thread: number): void {
    new Int32Array(memory).fill(0, thread * PER_THREAD, (thread + 1) * PER_THREAD);
  }

  total(): number {
    return this.sum(0);
  }

  of(key: string): number {
    return Math.min(this.sum(slot(key, 0)), this.sum(slot(key, 1)));
  }

  add(key: string | undefined, change: 1 | -1): void {
    const base = this.thread * PER_THREAD;
    Atomics.add(this.counts, base, change);
    if (key === undefined) return;
    Atomics.add(this.counts, base + slot(key, 0), change);
    Atomics.add(this.counts, base + slot(key, 1), change);
  }

  private sum(offset: number): number {
    let sum = 0;
    for (let thread = 0; thread < this.threads; thread++) {
      sum += Atomics.load(this.counts, thread * PER_THREAD + offset);
    }
    return sum;
  }
}

/** FNV-1a, with a different start value for each row. */
function slot(key: string, row: 0 | 1): number {
  let hash = row === 0 ? 0x811c9dc5 : 0x01000193;
  for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193);
  // The low bits of FNV are its weakest, so the high ones are mixed in.
  return 1 + row * ROW + ((hash ^ (hash >>> 15)) & (ROW - 1));
}
