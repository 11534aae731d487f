// What each subscriber received from each publisher, by sequence number, in sixteen bytes per pair: lost, duplicated,
// out of order.
//
// Per pair: the next number expected, how many numbers below it are missing, and which of the last 64 numbers arrived
// (a sliding window, like that of RFC 6479 against replays). A number older than the window that arrives while some
// are missing is assumed to be one of the missing ones. So a duplicate is wrongly counted as out of order only when
// it is more than 64 messages late in a stream with losses.

/** `next` of a subscriber that joined while messages were flowing, until its first message sets it. */
const JOINED_LATE = -1;
const WINDOW = 64;

/** Totals of the subscriptions that have ended. */
export interface SequenceTotals {
  expected: number;
  delivered: number;
  duplicated: number;
  outOfOrder: number;
}

/** Counts what each pair of subscriber and publisher should receive and does receive. */
export interface PairTracker {
  readonly totals: SequenceTotals;
  readonly missing: number;
  beginWhole(pair: number): void;
  beginLate(pair: number): void;
  /** `dueUs` and `nowUs`: when the message was due and when it was read. */
  hear(pair: number, sequence: number, dueUs: number, nowUs: number): boolean;
  endWhole(pair: number, sent: number): void;
  endEarly(pair: number): void;
  isComplete(pair: number, sent: number): boolean;
}

export class SequenceTracker implements PairTracker {
  readonly totals: SequenceTotals = { expected: 0, delivered: 0, duplicated: 0, outOfOrder: 0 };
  private readonly next: Int32Array;
  private readonly first: Int32Array;
  private readonly recentLow: Int32Array;
  private readonly recentHigh: Int32Array;
  private readonly missingByPair: Uint32Array;

  constructor(pairs: number) {
    this.next = new Int32Array(pairs);
    this.first = new Int32Array(pairs);
    this.recentLow = new Int32Array(pairs);
    this.recentHigh = new Int32Array(pairs);
    this.missingByPair = new Uint32Array(pairs);
  }

  /** Starts a subscription that should receive every measured message from number 0 on. */
  beginWhole(pair: number): void {
    this.reset(pair, 0);
  }

  /** Starts a subscription while messages are flowing: counting begins with the first message that it receives. */
  beginLate(pair: number): void {
    this.reset(pair, JOINED_LATE);
  }

  /** Records the arrival of number `sequence`. Returns whether it arrived for the first time. */
  hear(pair: number, sequence: number): boolean {
    const next = this.next[pair] as number;
    if (sequence === next) {
      this.next[pair] = next + 1;
      this.shiftWindow(pair, 1);
      this.totals.delivered++;
      return true;
    }
    if (next === JOINED_LATE) {
      this.first[pair] = sequence;
      this.next[pair] = sequence + 1;
      this.shiftWindow(pair, 1);
      this.totals.delivered++;
      return true;
    }
    if (sequence > next) {
      this.missingByPair[pair] = (this.missingByPair[pair] as number) + sequence - next;
      this.next[pair] = sequence + 1;
      this.shiftWindow(pair, sequence - next + 1);
      this.totals.delivered++;
      return true;
    }
    return this.hearOld(pair, next - 1 - sequence);
  }

  /** Ends a subscription that should have received all of `sent` messages: what has not arrived is lost. */
  endWhole(pair: number, sent: number): void {
    const first = this.first[pair] as number;
    if (this.next[pair] === JOINED_LATE) return;
    this.totals.expected += Math.max(sent, this.next[pair] as number) - first;
  }

  /** Ends a subscription that the generator closed itself: nothing after the last message received was owed. */
  endEarly(pair: number): void {
    if (this.next[pair] === JOINED_LATE) return;
    this.totals.expected += (this.next[pair] as number) - (this.first[pair] as number);
  }

  /** Messages that any pair skipped and has not received since. */
  get missing(): number {
    return this.missingByPair.reduce((sum, missing) => sum + missing, 0);
  }

  /** Whether the pair has received all of `sent` messages. */
  isComplete(pair: number, sent: number): boolean {
    const next = this.next[pair] as number;
    return next === JOINED_LATE || (next >= sent && this.missingByPair[pair] === 0);
  }

  private hearOld(pair: number, age: number): boolean {
    const missing = this.missingByPair[pair] as number;
    if (age >= WINDOW ? missing === 0 : this.isRecent(pair, age)) {
      this.totals.duplicated++;
      return false;
    }
    // Older than the first message of a late joiner, so it was not owed.
    if (missing === 0) return false;
    this.missingByPair[pair] = missing - 1;
    if (age < WINDOW) this.markRecent(pair, age);
    this.totals.outOfOrder++;
    this.totals.delivered++;
    return true;
  }

  private reset(pair: number, next: number): void {
    this.next[pair] = next;
    this.first[pair] = Math.max(0, next);
    this.recentLow[pair] = 0;
    this.recentHigh[pair] = 0;
    this.missingByPair[pair] = 0;
  }

  private isRecent(pair: number, age: number): boolean {
    const word = age < 32 ? this.recentLow[pair] : this.recentHigh[pair];
    return (((word as number) >>> (age & 31)) & 1) === 1;
  }

  private markRecent(pair: number, age: number): void {
    const words = age < 32 ? this.recentLow : this.recentHigh;
    words[pair] = (words[pair] as number) | (1 << (age & 31));
  }

  private shiftWindow(pair: number, by: number): void {
    const low = this.recentLow[pair] as number;
    if (by === 1) {
      this.recentHigh[pair] = ((this.recentHigh[pair] as number) << 1) | (low >>> 31);
      this.recentLow[pair] = (low << 1) | 1;
      return;
    }
    if (by >= WINDOW) {
      this.recentHigh[pair] = 0;
      this.recentLow[pair] = 1;
      return;
    }
    if (by >= 32) {
      this.recentHigh[pair] = by === 32 ? low : low << (by - 32);
      this.recentLow[pair] = 1;
      return;
    }
    this.recentHigh[pair] = ((this.recentHigh[pair] as number) << by) | (low >>> (32 - by));
    this.recentLow[pair] = (low << by) | 1;
  }
}
