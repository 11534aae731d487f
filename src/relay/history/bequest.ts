// What this thread has of states whose owner has ended: its copies, and what was published here meanwhile. All of it
// goes to the thread that takes the owner's place.
import type { Threads } from '../../bus/bus.js';
import { aboutMessage, writeRecord } from '../../protocol/sequence-record.js';
import type { Kept } from './history.js';
import type { ReplicaHistory } from './replica.js';

/** Messages that are kept for owners that are away. */
const MAX_KEPT = 10_000;
/** Messages sent in one turn of the loop. */
const MESSAGES_PER_TURN = 1000;

export interface Orphan extends Omit<Kept, 'seq'> {
  readonly topic: string;
}

export class Bequest {
  /** Published while the owner was away, in topics of which this thread has no copy; oldest first. */
  private orphans: Orphan[] = [];
  private readonly epoch = `meanwhile.${Math.random()}`;

  constructor(
    private readonly threads: Threads,
    private readonly nowMs: () => number,
  ) {}

  /** Keeps a message for an owner that is away. Returns whether an older one went for it. */
  keep(message: Orphan): boolean {
    this.orphans.push(message);
    return this.orphans.length > MAX_KEPT && this.orphans.shift() !== undefined;
  }

  /** Sends `heir` what it needs: of `replicas` those that it owns now. Calls back when all of it is on its way. */
  send(heir: number, replicas: readonly ReplicaHistory[], done: () => void): void {
    const messages = this.messagesFor(heir, replicas);
    const turn = (): void => {
      for (let sent = 0; sent < MESSAGES_PER_TURN; sent++) {
        const next = messages.next();
        if (next.done) {
          this.threads.send(heir, '', writeRecord({ is: 'seeded' }));
          done();
          return;
        }
        this.sendOne(heir, next.value.topic, next.value.epoch, next.value.kept);
      }
      setImmediate(turn);
    };
    turn();
  }

  sendOne(heir: number, topic: string, epoch: string, { seq, body, from, key, publishedAtMs }: Kept): void {
    const age = Math.max(0, Math.round(this.nowMs() - publishedAtMs));
    const about = aboutMessage(from, undefined, key);
    this.threads.send(heir, topic, writeRecord({ is: 'seed', epoch, seq, age, ...about }, body));
  }

  private *messagesFor(
    heir: number,
    replicas: readonly ReplicaHistory[],
  ): Generator<{ readonly topic: string; readonly epoch: string; readonly kept: Kept }> {
    for (const replica of replicas) {
      const { topic, epoch, floor } = replica;
      for (let kept = replica.next(floor, 'all'); kept !== undefined; kept = replica.next(kept.seq, 'all')) {
        yield { topic, epoch, kept };
      }
    }
    const orphans = this.orphans;
    this.orphans = orphans.filter(({ topic }) => this.threads.ownerOf(topic) !== heir);
    for (const [index, { topic, ...orphan }] of orphans.entries()) {
      if (this.threads.ownerOf(topic) === heir) yield { topic, epoch: this.epoch, kept: { ...orphan, seq: index } };
    }
  }
}
