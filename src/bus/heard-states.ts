// Which message of a state came before which, in the order this node received them. NATS states that only per key, and
// a worker that missed a message of one key would not see it from a message of another key.

export class HeardStates {
  /** By topic: the number received last, 0 if nothing was received since it is followed; undefined after a time in
   *  which NATS was away. */
  private readonly last = new Map<string, number | undefined>();

  /** From now on all of the topic is received. */
  follow(topic: string): void {
    if (!this.last.has(topic)) this.last.set(topic, 0);
  }

  /** Message `seq` was received. Returns the number of the one before. After a time without NATS that is not known,
   *  and the number returned means that something was missed. */
  heard(topic: string, seq: number): number {
    const before = this.last.get(topic) ?? seq - 1;
    this.last.set(topic, seq);
    return before;
  }

  /** NATS is away. */
  doubt(): void {
    for (const topic of this.last.keys()) this.last.set(topic, undefined);
  }

  forget(topic: string): void {
    this.last.delete(topic);
  }
}
