// Which message of a state came before which, as this node heard them: NATS says that only of a key, and what a worker
// missed of one key is not seen by another's.

export class HeardStates {
  /** By topic: the number heard last, 0 where nothing was since it is followed; undefined after a time in which NATS
   *  was away. */
  private readonly last = new Map<string, number | undefined>();

  /** From here on all of the topic is heard. */
  follow(topic: string): void {
    if (!this.last.has(topic)) this.last.set(topic, 0);
  }

  /** Message `seq` was heard. Gives the number of the one before; whether anything was missed while NATS was away is
   *  not known, and so it seems to be. */
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
