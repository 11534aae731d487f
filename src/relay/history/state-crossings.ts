// Messages of a state on their way to the topic's owner, and from it to other threads: where only the newest of each
// key is delivered, what a newer one has taken the place of within a window does not travel. Nobody misses it: of a
// state only the newest is kept, here and there.
import type { Threads } from '../../bus/bus.js';
import type { Crossings, NewCrossings } from '../../bus/crossings.js';
import type { Payload } from '../../protocol/ops.js';
import { aboutMessage, type SequenceRecord, writeRecord } from '../../protocol/sequence-record.js';
import type { MemoryTopicHistory } from './memory-topic.js';

/** A message that has no number yet. */
export interface Unnumbered {
  readonly topic: string;
  readonly body: string;
  readonly from: string | undefined;
  /** The id of the connection to leave out. */
  readonly sender: string | undefined;
  readonly key: string | undefined;
}

interface FromOwner {
  readonly record: Omit<Extract<SequenceRecord, { is: 'numbered' }>, 'is' | 'after'>;
  readonly body: string;
}

/** V8 takes at most two bytes a character. */
const bytesOf = (body: string): number => 2 * body.length;

export class StateCrossings {
  private readonly waitingForOwner: Crossings<Unnumbered>;
  private readonly waitingForOthers: Crossings<FromOwner>;

  /** @param unsent told of what waited for an owner that has ended meanwhile */
  constructor(
    private readonly threads: Threads,
    newCrossings: NewCrossings,
    unsent: (message: Unnumbered) => void,
  ) {
    this.waitingForOwner = newCrossings<Unnumbered>(() => (message) => {
      if (!this.sendToOwner(message)) unsent(message);
    });
    this.waitingForOthers = newCrossings<FromOwner>((topic, first) => {
      let after = first.record.seq - 1; // all before it has been sent
      return ({ record, body }) => {
        threads.sendToInterested(topic, writeRecord({ is: 'numbered', ...record, after }, body));
        after = record.seq;
      };
    });
  }

  /** Holds a message on its way to the topic's owner. False where it must go at once, or nobody is there to take it. */
  holdForOwner(message: Unnumbered, payload: Payload): boolean {
    const { topic, body } = message;
    const crossing = this.waitingForOwner.of(topic);
    if (crossing === undefined || !this.threads.has(this.threads.ownerOf(topic))) return false;
    crossing.keep(crossing.keyOf({ key: payload.key, raw: payload.raw }), message, bytesOf(body));
    return true;
  }

  /** As the owner: sends a numbered message to the other threads, now or at a window's end. */
  toOthers(history: MemoryTopicHistory, record: FromOwner['record'], body: string): void {
    const { topic, isState } = history;
    const crossing = isState ? this.waitingForOthers.of(topic) : undefined;
    if (crossing !== undefined)
      crossing.keep(history.newestBy(record.key, body) ?? '', { record, body }, bytesOf(body));
    else this.threads.sendToInterested(topic, writeRecord({ is: 'numbered', ...record, after: record.seq - 1 }, body));
  }

  /** What waits for the topic's owner goes to it: something follows that must not wait. */
  nowToOwner(topic: string): void {
    this.waitingForOwner.crossNow(topic);
  }

  /** As the owner: what waits for other threads goes to them. */
  nowToOthers(topic: string): void {
    this.waitingForOthers.crossNow(topic);
  }

  private sendToOwner({ topic, body, from, sender, key }: Unnumbered): boolean {
    const { threads } = this;
    const record = writeRecord({ is: 'publish', ...aboutMessage(from, sender, key) }, body);
    return threads.send(threads.ownerOf(topic), topic, record);
  }
}
