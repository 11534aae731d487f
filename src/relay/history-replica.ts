// A topic's history as it is in a thread that does not own the topic: a copy that follows the owner's, so that replays are read
// here, at each socket's pace. It lives while the thread has subscribers of the topic, for only then it hears all.
import type { Position, Unrecovered } from '../protocol/ops.js';
import type { Kept, TopicHistory } from './history.js';
import type { MemoryHistory, MemoryTopicHistory } from './history-memory.js';

export class ReplicaHistory implements TopicHistory {
  /** The copy that answers; undefined until the first is whole. */
  private copy: MemoryTopicHistory | undefined;
  /** One that is on its way from the owner. */
  private next: MemoryTopicHistory | undefined;
  private readonly waiting: (() => void)[] = [];
  isReady = false;

  constructor(
    readonly topic: string,
    private readonly store: MemoryHistory,
  ) {}

  get epoch(): string {
    return this.copy?.epoch ?? '';
  }

  get seq(): number {
    return this.copy?.seq ?? 0;
  }

  get first(): number {
    return this.copy?.first ?? 1;
  }

  get(seq: number): Kept | undefined {
    return this.copy?.get(seq);
  }

  check(since: Position): Unrecovered | undefined {
    return this.copy?.check(since) ?? (this.copy === undefined ? 'epoch-changed' : undefined);
  }

  whenReady(act: () => void): void {
    if (this.isReady) act();
    else this.waiting.push(act);
  }

  /** The owner begins to send what it keeps, all of which came after `after`. */
  begin(epoch: string, after: number): void {
    if (this.next !== undefined) this.store.drop(this.next);
    this.next = this.store.detached(this.topic, epoch, after);
  }

  add(seq: number, body: string, from: string | undefined): void {
    const { next } = this;
    // A record that was lost on the way leaves a hole: what is kept starts after it.
    if (next !== undefined) this.store.keepAt(next, seq, body, from);
  }

  end(seq: number): void {
    const { next } = this;
    if (next === undefined) return;
    if (next.seq !== seq) this.store.skipTo(next, seq);
    if (this.copy !== undefined) this.store.drop(this.copy);
    this.copy = next;
    this.next = undefined;
    this.isReady = true;
    for (const act of this.waiting.splice(0)) act();
  }

  /** Follows one message of the live stream. False where it does not follow on what is here: ask the owner for a new copy. */
  follow(epoch: string, seq: number, body: string, from: string | undefined): boolean {
    const { copy } = this;
    if (copy === undefined || !this.isReady) return true; // the copy that is on its way has it
    if (copy.epoch !== epoch || copy.seq + 1 !== seq) {
      this.isReady = false;
      return false;
    }
    this.store.keepAt(copy, seq, body, from);
    return true;
  }

  drop(): void {
    if (this.copy !== undefined) this.store.drop(this.copy);
    if (this.next !== undefined) this.store.drop(this.next);
    this.copy = undefined;
    this.next = undefined;
    this.waiting.length = 0; // nobody is left who waits
  }
}
