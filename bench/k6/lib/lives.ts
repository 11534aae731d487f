// Which messages each subscriber is owed: for each subscriber slot of a process (or of a VU of k6), whether a
// subscriber is connected, and what it has received from each publisher of its topic.

import { type PairTracker, type SequenceTotals, SequenceTracker } from './sequence.ts';

export class Lives {
  /** Deliveries on a topic that the subscriber did not subscribe to, or from a publisher that is not in the run. */
  misrouted = 0;
  private readonly tracker: PairTracker;
  private readonly topics: Int32Array;
  private readonly isAlive: Uint8Array;
  private readonly pairsPerSlot: number;

  /** Slot s of this process is subscriber number lane + s × lanes of the run. */
  constructor(
    private readonly plan: { readonly publishers: number; readonly topics: number },
    private readonly slots: number,
    lane: number,
    lanes: number,
    trackerOf: (pairs: number) => PairTracker = (pairs) => new SequenceTracker(pairs),
  ) {
    this.pairsPerSlot = Math.ceil(plan.publishers / plan.topics);
    this.topics = Int32Array.from({ length: slots }, (_, slot) => (lane + slot * lanes) % plan.topics);
    this.isAlive = new Uint8Array(slots);
    this.tracker = trackerOf(slots * this.pairsPerSlot);
  }

  get totals(): SequenceTotals {
    return this.tracker.totals;
  }

  get missing(): number {
    return this.tracker.missing;
  }

  /** The slot's subscriber was connected before the first measured message. */
  beginWhole(slot: number): void {
    this.isAlive[slot] = 1;
    for (let i = 0; i < this.pairsPerSlot; i++) this.tracker.beginWhole(slot * this.pairsPerSlot + i);
  }

  /** The slot's subscriber joined while messages were flowing. */
  beginLate(slot: number): void {
    this.isAlive[slot] = 1;
    for (let i = 0; i < this.pairsPerSlot; i++) this.tracker.beginLate(slot * this.pairsPerSlot + i);
  }

  /** The generator itself disconnected the slot's subscriber. */
  endEarly(slot: number): void {
    if (this.isAlive[slot] === 0) return;
    this.isAlive[slot] = 0;
    for (let i = 0; i < this.pairsPerSlot; i++) this.tracker.endEarly(slot * this.pairsPerSlot + i);
  }

  /** Records a measured message with its due time and read time. Returns whether it arrived for the first time and on
   *  the right topic. */
  hear(slot: number, publisher: number, sequence: number, dueUs = 0, nowUs = 0): boolean {
    const { publishers, topics } = this.plan;
    if (publisher >= publishers || publisher % topics !== this.topics[slot]) {
      this.misrouted++;
      return false;
    }
    return this.tracker.hear(slot * this.pairsPerSlot + Math.floor(publisher / topics), sequence, dueUs, nowUs);
  }

  /** Whether every connected subscriber has received all that was `sent`, by publisher. */
  haveAll(sent: Uint32Array): boolean {
    return this.everyPair((pair, publisher) => this.tracker.isComplete(pair, sent[publisher] as number));
  }

  /** Call at the end of the run: what has not arrived of `sent` is lost. */
  endAll(sent: Uint32Array): void {
    this.everyPair((pair, publisher) => {
      this.tracker.endWhole(pair, sent[publisher] as number);
      return true;
    });
    this.isAlive.fill(0);
  }

  /** Calls `visit` for each publisher of each connected subscriber until it returns false; returns whether it never
   *  did. */
  private everyPair(visit: (pair: number, publisher: number) => boolean): boolean {
    const { publishers, topics } = this.plan;
    for (let slot = 0; slot < this.slots; slot++) {
      if (this.isAlive[slot] === 0) continue;
      for (let i = 0; i < this.pairsPerSlot; i++) {
        const publisher = i * topics + (this.topics[slot] as number);
        if (publisher < publishers && !visit(slot * this.pairsPerSlot + i, publisher)) return false;
      }
    }
    return true;
  }
}
