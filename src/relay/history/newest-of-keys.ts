// The newest message of each key, in the order of their numbers: a key that is updated moves to the end. Each step is a
// bisection; a moved key leaves a hole, and holes are removed once there are more of them than messages.

interface Sequenced {
  readonly seq: number;
}

/** Holes that may be left, however few messages there are. */
const FEW_HOLES = 32;

export class NewestOfKeys<T extends Sequenced> {
  private readonly byKey = new Map<string, T>();
  /** The numbers in rising order, and the message of each; undefined for a hole. */
  private seqs: number[] = [];
  private slots: (T | undefined)[] = [];
  /** All slots below this one are holes. */
  private from = 0;

  get size(): number {
    return this.byKey.size;
  }

  get(key: string): T | undefined {
    return this.byKey.get(key);
  }

  /** Adds a message, whose number is higher than all before. Returns the one that it replaces. */
  set(key: string, message: T): T | undefined {
    const replaced = this.byKey.get(key);
    if (replaced !== undefined) this.empty(replaced);
    this.byKey.set(key, message);
    this.seqs.push(message.seq);
    this.slots.push(message);
    return replaced;
  }

  delete(key: string): void {
    const message = this.byKey.get(key);
    if (message === undefined) return;
    this.byKey.delete(key);
    this.empty(message);
  }

  /** The oldest with a number over `after`. */
  next(after: number): T | undefined {
    for (let at = this.indexAfter(after); at < this.slots.length; at++) {
      const message = this.slots[at];
      if (message !== undefined) return message;
    }
    return undefined;
  }

  /** How many have a number above `after`. */
  countAfter(after: number): number {
    const start = this.indexAfter(after);
    if (start <= this.from) return this.byKey.size;
    let count = 0;
    for (let at = start; at < this.slots.length; at++) if (this.slots[at] !== undefined) count++;
    return count;
  }

  /** From the newest to the oldest. */
  *backwards(): Generator<T> {
    for (let at = this.slots.length - 1; at >= this.from; at--) {
      const message = this.slots[at];
      if (message !== undefined) yield message;
    }
  }

  private empty({ seq }: T): void {
    this.slots[this.indexAfter(seq - 1)] = undefined;
    while (this.from < this.slots.length && this.slots[this.from] === undefined) this.from++;
    if (this.slots.length - this.byKey.size <= this.byKey.size + FEW_HOLES) return;
    this.slots = this.slots.filter((message) => message !== undefined);
    this.seqs = this.slots.map((message) => (message as T).seq);
    this.from = 0;
  }

  private indexAfter(after: number): number {
    let from = this.from;
    let to = this.seqs.length;
    while (from < to) {
      const middle = (from + to) >>> 1;
      if ((this.seqs[middle] as number) > after) to = middle;
      else from = middle + 1;
    }
    return from;
  }
}
