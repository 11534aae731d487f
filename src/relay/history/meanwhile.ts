// Messages of a state that came without a number, since what numbers its topic is away: the newest of each key. Who
// joins meanwhile gets them in place of those that the copy has of their keys.
import type { Kept, Reading, ToKeep } from './history.js';
import type { MemoryHistory } from './memory.js';
import type { MemoryTopicHistory } from './memory-topic.js';

/** They are read after all that have a number, so their places begin where no number comes. */
const UNNUMBERED_FROM = 2 ** 52;

/** The number of a message; 0 if it has none, but only a place. */
export function numberOf({ seq }: Pick<Kept, 'seq'>): number {
  return isNumber(seq) ? seq : 0;
}

/** Whether a position is in the topic's sequence, and not among the messages that have no number. */
export function isNumber(position: number): boolean {
  return position < UNNUMBERED_FROM;
}

export class Meanwhile {
  private readonly kept: MemoryTopicHistory;
  /** Keys of which a message with a number has come since. */
  private readonly numbered = new Set<string>();

  /** @param copy as it was when the first of them came, and as it grows from there */
  constructor(
    private readonly store: MemoryHistory,
    private readonly copy: MemoryTopicHistory,
  ) {
    this.kept = store.detached(copy.topic, 'meanwhile', UNNUMBERED_FROM) as MemoryTopicHistory;
  }

  keep(message: ToKeep): void {
    this.numbered.delete(this.keyOf(message));
    this.store.keep(this.kept, this.kept.seq + 1, message);
  }

  /** A message with a number came, which is the newest of its key. */
  superseded(message: ToKeep): void {
    this.numbered.add(this.keyOf(message));
  }

  /** Whether `place` is one of theirs. */
  has(place: number): boolean {
    return !isNumber(place) && place <= this.kept.seq;
  }

  next(after: number, reading: Reading): Kept | undefined {
    let kept = this.copy.next(after, reading);
    while (kept !== undefined && this.holds(this.keyOf(kept))) kept = this.copy.next(kept.seq, reading);
    return kept ?? this.nextHere(after);
  }

  countAfter(after: number, reading: Reading): number {
    let count = this.copy.countAfter(after, reading);
    for (let kept = this.nextHere(after); kept !== undefined; kept = this.nextHere(kept.seq)) {
      const inCopy = this.copy.newestOf(this.keyOf(kept));
      if (inCopy === undefined || inCopy.seq <= after) count++;
    }
    return count;
  }

  /** They are in the copy from now on. */
  end(): undefined {
    this.store.drop(this.kept);
  }

  private nextHere(after: number): Kept | undefined {
    let kept = this.kept.next(Math.max(after, UNNUMBERED_FROM), 'newest');
    while (kept !== undefined && this.numbered.has(this.keyOf(kept))) kept = this.kept.next(kept.seq, 'newest');
    return kept;
  }

  private holds(key: string): boolean {
    return this.kept.newestOf(key) !== undefined && !this.numbered.has(key);
  }

  private keyOf({ key, body }: Pick<Kept, 'key' | 'body'>): string {
    return this.copy.newestBy(key, body) ?? '';
  }
}
