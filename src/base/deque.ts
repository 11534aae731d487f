// A queue in one array that wraps around: constant-time push, shift and access by index, doubling as it fills.

const INITIAL_SLOTS = 8;

export class Deque<T> {
  private slots: (T | undefined)[] = [];
  private head = 0;
  length = 0;

  push(value: T): void {
    if (this.length === this.slots.length) this.grow();
    this.slots[(this.head + this.length) & (this.slots.length - 1)] = value;
    this.length++;
  }

  /** Takes the oldest out; an emptied ring gives its slots back. */
  shift(): T | undefined {
    if (this.length === 0) return undefined;
    const value = this.slots[this.head];
    this.slots[this.head] = undefined;
    this.head = (this.head + 1) & (this.slots.length - 1);
    this.length--;
    if (this.length === 0) this.slots = [];
    return value;
  }

  /** The value that is `index` places after the oldest. */
  at(index: number): T | undefined {
    if (index < 0 || index >= this.length) return undefined;
    return this.slots[(this.head + index) & (this.slots.length - 1)];
  }

  private grow(): void {
    const grown: (T | undefined)[] = new Array(Math.max(INITIAL_SLOTS, this.slots.length * 2));
    for (let index = 0; index < this.length; index++) grown[index] = this.at(index);
    this.slots = grown;
    this.head = 0;
  }
}
