// Messages of a state on their way to the topic's owner, and from it to other threads. If only the newest of each key
// is delivered, a message that a newer one replaced within a window is not sent. No subscriber misses it: a state keeps
// only the newest anyway.
import type { Threads } from '../../bus/bus.js';
import type { Crossings, NewCrossings } from '../../bus/crossings.js';
import type { PublishClock } from '../../bus/last-updates.js';
import type { Payload } from '../../protocol/ops.js';
import { aboutMessage, type SequenceRecord, writeRecord } from '../../protocol/sequence-record.js';
import type { MemoryHistory } from './memory.js';
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

  /** @param unsent called for what waited for an owner that has ended meanwhile */
  constructor(
    private readonly threads: Threads,
    private readonly own: MemoryHistory,
    newCrossings: NewCrossings,
    private readonly publishClock: PublishClock,
    unsent: (message: Unnumbered) => void,
  ) {
    this.waitingForOwner = newCrossings<Unnumbered>(() => (message, replaced, at) => {
      if (!this.sendToOwner(message, replaced, at)) unsent(message);
    });
    this.waitingForOthers = newCrossings<FromOwner>((topic, first) => {
      let after = first.record.seq - 1; // all messages before it have been sent
      return ({ record, body }, replaced) => {
        const about = replaced === 0 ? record : { ...record, replaced };
        threads.sendToInterested(topic, writeRecord({ is: 'numbered', ...about, after }, body));
        after = record.seq;
      };
    });
  }

  /** Holds a message for the topic's owner. False if it must be sent at once, or if the owner is away. */
  holdForOwner(message: Unnumbered, payload: Payload): boolean {
    const { topic, body } = message;
    const crossing = this.waitingForOwner.of(topic);
    if (crossing === undefined || !this.threads.has(this.threads.ownerOf(topic))) return false;
    crossing.keep(crossing.keyOf({ key: payload.key, raw: payload.raw }), message, bytesOf(body));
    return true;
  }

  /** As the owner: sends a numbered message to the other threads, now or at the end of a window. */
  toOthers(history: MemoryTopicHistory, record: FromOwner['record'], body: string): void {
    const { topic, isState } = history;
    // Whoever wants the topic from now on asks for a copy first.
    if (!this.threads.isWanted(topic)) return;
    const crossing = isState ? this.waitingForOthers.of(topic) : undefined;
    if (crossing !== undefined) {
      const key = history.newestBy(record.key, body) ?? '';
      crossing.keep(key, { record, body }, bytesOf(body), record.replaced);
    } else {
      this.threads.sendToInterested(topic, writeRecord({ is: 'numbered', ...record, after: record.seq - 1 }, body));
    }
  }

  /** When what is published now was first said, by this machine's clock; undefined if that does not matter. */
  saidAt(topic: string, agoMs = 0): number | undefined {
    return this.own.keepsState(topic) ? this.publishClock.machineMs() - agoMs : undefined;
  }

  /** As the owner: tells the other threads of a message that a newer one of its key came before. */
  overtaken(topic: string, sender: string | undefined, replaced: number | undefined): void {
    const about = { ...(sender !== undefined && { sender }), ...(replaced !== undefined && { replaced }) };
    this.threads.sendToInterested(topic, writeRecord({ is: 'overtaken', ...about }));
  }

  /** Sends what waits for the topic's owner, since something follows that must not wait. */
  nowToOwner(topic: string): void {
    this.waitingForOwner.crossNow(topic);
  }

  /** As the owner: sends what waits for other threads. */
  nowToOthers(topic: string): void {
    this.waitingForOthers.crossNow(topic);
  }

  private sendToOwner({ topic, body, from, sender, key }: Unnumbered, replaced: number, at: number): boolean {
    const { threads } = this;
    const about = { ...aboutMessage(from, sender, key), ...(replaced > 0 && { replaced }), at };
    const record = writeRecord({ is: 'publish', ...about }, body);
    return threads.send(threads.ownerOf(topic), topic, record);
  }
}
