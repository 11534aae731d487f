// Those who wait for a topic's history. Many give up before it comes: a client may join and leave, over and over, while
// the history's owner is away. So each says whether it still wants to know, and the others are dropped in time.

export interface Waiter {
  readonly act: () => void;
  /** False once `act` would do nothing. */
  readonly isWanted: () => boolean;
}

/** The list is not searched while it is no longer than this. */
const FEW = 64;

export class Waiters<Of extends Waiter> {
  private list: Of[] = [];
  private purgeAt = FEW;

  get length(): number {
    return this.list.length;
  }

  /** Searches the list whenever it has doubled, so an addition costs the same however long it is. */
  add(waiter: Of): void {
    this.list.push(waiter);
    if (this.list.length < this.purgeAt) return;
    this.list = this.list.filter(({ isWanted }) => isWanted());
    this.purgeAt = Math.max(FEW, 2 * this.list.length);
  }

  takeAll(): Of[] {
    const { list } = this;
    this.list = [];
    this.purgeAt = FEW;
    return list;
  }
}
