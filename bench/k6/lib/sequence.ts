// What one socket has received of one publisher: loss, duplicates and overtaking, from sequence numbers alone.

export class SequenceTracker {
  delivered = 0;
  duplicated = 0;
  outOfOrder = 0;
  private next: number;
  private readonly missing = new Set<number>();

  /** Messages before `first` are not this tracker's business (warm-up, or sent before the socket was there). */
  constructor(private readonly first: number) {
    this.next = first;
  }

  /** Counts a message; false when it is not to be measured (warm-up or a duplicate). */
  accept(sequence: number): boolean {
    if (sequence === this.next) {
      this.next++;
      this.delivered++;
      return true;
    }
    if (sequence < this.first) return false;
    if (sequence > this.next) {
      for (let skipped = this.next; skipped < sequence; skipped++) this.missing.add(skipped);
      this.next = sequence + 1;
      this.delivered++;
      return true;
    }
    if (!this.missing.delete(sequence)) {
      this.duplicated++;
      return false;
    }
    this.outOfOrder++;
    this.delivered++;
    return true;
  }

  /** Messages skipped over so far and not received since. */
  get skipped(): number {
    return this.missing.size;
  }
}
