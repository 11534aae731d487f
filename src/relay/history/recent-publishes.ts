// Publishes that came with an id, by that id. One that is sent again, since its answer was lost with a connection, gets
// the same answer as the first time and is not published twice. Bounded in time and number; it knows how far back it
// remembers.

import { DEDUP_MS } from '../../protocol/publish-id.js';

/** Ids remembered at once; each takes 200 to 400 bytes. */
const MAX_IDS = 100_000;

interface Remembered {
  /** The number it was given; 0 where the topic has no history. */
  readonly seq: number;
  readonly atMs: number;
}

export class RecentPublishes {
  private readonly byKey = new Map<string, Remembered>();
  /** Every publish after this time is remembered. */
  private coveredFromMs: number;

  /** @param nowMs a clock that never goes back */
  constructor(
    private readonly maxIds = MAX_IDS,
    private readonly nowMs: () => number = () => performance.now(),
  ) {
    this.coveredFromMs = nowMs();
  }

  /** The number that the publish got the first time; undefined if it is not known. */
  find(key: string): number | undefined {
    return this.byKey.get(key)?.seq;
  }

  note(key: string, seq: number): void {
    const now = this.nowMs();
    this.byKey.set(key, { seq, atMs: now });
    for (const [oldest, { atMs }] of this.byKey) {
      if (now - atMs <= DEDUP_MS && this.byKey.size <= this.maxIds) break;
      this.byKey.delete(oldest);
      this.coveredFromMs = atMs;
    }
  }

  /** Whether a publish sent `agoMs` ago would be known if it had been published. If so, a repeated publish that is
   *  unknown is new. */
  covers(agoMs: number): boolean {
    return agoMs <= DEDUP_MS && this.nowMs() - agoMs > this.coveredFromMs;
  }
}
