// What each subscriber knows of each key of each publisher: its newest state, how old that is when the next one
// arrives, and which updates it never received.
//
// Message n of a publisher is about key n mod keys, so the sequence number says which update of which key it is.
// Updates between two that a subscriber received were conflated: a newer state replaced them. Updates after the last
// one that it received are lost, because nothing newer replaced them.

import type { PairTracker, SequenceTotals } from '../../k6/lib/sequence.js';
import { LatencyCounts } from './counts.js';

/** Nothing of this key has arrived yet, for a subscriber that was there from the start … */
const NOTHING = -1;
/** … or for one that joined later, which is owed only what follows the first update that it receives. */
const JOINED_LATE = -2;

export class StateTracker implements PairTracker {
  readonly totals: SequenceTotals = { expected: 0, delivered: 0, duplicated: 0, outOfOrder: 0 };
  /** Updates that a newer one replaced. */
  conflated = 0;
  /** How old the newest state was when the next one arrived (µs). */
  readonly ages = new LatencyCounts();
  /** Sequence number of the newest state, by pair and key. */
  private readonly newest: Int32Array;
  private readonly dueUs: Float64Array;

  constructor(
    pairs: number,
    private readonly keys: number,
  ) {
    this.newest = new Int32Array(pairs * keys);
    this.dueUs = new Float64Array(pairs * keys);
  }

  beginWhole(pair: number): void {
    this.begin(pair, NOTHING);
  }

  beginLate(pair: number): void {
    this.begin(pair, JOINED_LATE);
  }

  /** Records an update that was due at `dueUs` and read at `nowUs`. Returns false for a duplicate. */
  hear(pair: number, sequence: number, dueUs: number, nowUs: number): boolean {
    const { keys, totals } = this;
    const key = sequence % keys;
    const at = pair * keys + key;
    const newest = this.newest[at] as number;
    if (sequence === newest) {
      totals.duplicated++;
      return false;
    }
    totals.delivered++;
    totals.expected++;
    if (sequence < newest) {
      // It was counted as conflated when the newer one arrived.
      totals.outOfOrder++;
      this.conflated--;
      return true;
    }
    if (newest !== JOINED_LATE) this.conflated += updatesTo(sequence, newest, key, keys) - 1;
    if (newest >= 0) this.ages.record(nowUs - (this.dueUs[at] as number));
    this.newest[at] = sequence;
    this.dueUs[at] = dueUs;
    return true;
  }

  endWhole(pair: number, sent: number): void {
    for (let key = 0; key < this.keys; key++) this.totals.expected += this.owed(pair, key, sent);
  }

  /** A subscriber that the generator cut is owed nothing after the newest state that it has. */
  endEarly(): void {}

  /** Skipped updates do not count as missing, because a newer state may replace them. */
  get missing(): number {
    return 0;
  }

  isComplete(pair: number, sent: number): boolean {
    for (let key = 0; key < this.keys; key++) if (this.owed(pair, key, sent) > 0) return false;
    return true;
  }

  /** Number of updates of `key` after the newest one of the pair. */
  private owed(pair: number, key: number, sent: number): number {
    const newest = this.newest[pair * this.keys + key] as number;
    if (newest === JOINED_LATE || sent <= key) return 0;
    const last = sent - 1 - ((sent - 1 - key) % this.keys);
    return last <= newest ? 0 : updatesTo(last, newest, key, this.keys);
  }

  private begin(pair: number, nothing: number): void {
    this.newest.fill(nothing, pair * this.keys, (pair + 1) * this.keys);
  }
}

/** Number of updates of `key` after `newest`, up to and including sequence number `sequence` of the publisher. */
function updatesTo(sequence: number, newest: number, key: number, keys: number): number {
  return newest < 0 ? (sequence - key) / keys + 1 : (sequence - newest) / keys;
}
