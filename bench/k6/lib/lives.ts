// Who is owed what: for each subscriber slot of a process, or of a VU of k6, whether its subscriber lives, and what it
// heard of each publisher of its topic.

import { type PairTracker, type SequenceTotals, SequenceTracker } from './sequence.ts';

export class Lives {
  /** Deliveries on a topic that the subscriber is not on, or of a publisher that the run does not have. */
  misrouted = 0;
  private readonly tracker: PairTracker;
  private readonly topics: Int32Array;
  private readonly isAlive: Uint8Array;
  private readonly pairsPerSlot: number;

  /** Slot s of this process is subscriber lane + s × lanes of the run. */
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

  /** The slot's subscriber was there before the first measured message. */
  beginWhole(slot: number): void {
    this.isAlive[slot] = 1;
    for (let i = 0; i < this.pairsPerSlot; i++) this.tracker.beginWhole(slot * this.pairsPerSlot + i);
  }

  /** The slot's subscriber joined while messages were flowing. */
  beginLate(slot: number): void {
    this.isAlive[slot] = 1;
    for (let i = 0; i < this.pairsPerSlot; i++) this.tracker.beginLate(slot * this.pairsPerSlot + i);
  }

  /** The generator itself ended the slot's subscriber. */
  endEarly(slot: number): void {
    if (this.isAlive[slot] === 0) return;
    this.isAlive[slot] = 0;
    for (let i = 0; i < this.pairsPerSlot; i++) this.tracker.endEarly(slot * this.pairsPerSlot + i);
  }

  /** Records a measured message, due and read at these times. Returns whether it came for the first time and where it
   *  should. */
  hear(slot: number, publisher: number, sequence: number, dueUs = 0, nowUs = 0): boolean {
    const { publishers, topics } = this.plan;
    if (publisher >= publishers || publisher % topics !== this.topics[slot]) {
      this.misrouted++;
      return false;
    }
    return this.tracker.hear(slot * this.pairsPerSlot + Math.floor(publisher / topics), sequence, dueUs, nowUs);
  }

  /** Whether every living subscriber has heard all that was `sent`, by publisher. */
  haveAll(sent: Uint32Array): boolean {
    return this.everyPair((pair, publisher) => this.tracker.isComplete(pair, sent[publisher] as number));
  }

  /** Ends every life: what of `sent` has not come is lost. */
  endAll(sent: Uint32Array): void {
    this.everyPair((pair, publisher) => {
      this.tracker.endWhole(pair, sent[publisher] as number);
      return true;
    });
    this.isAlive.fill(0);
  }

  /** Visits the pairs of the living until `visit` says no; returns whether it never did. */
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
