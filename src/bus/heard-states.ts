// What this node has heard of states that NATS keeps: which message came before which, in the order received here (NATS
// states that only per key, and a worker that missed a message of one key would not see it from a message of another),
// and when each key was updated last.
import type { SequenceRecord } from '../protocol/sequence-record.js';
import { LastUpdates, PublishClock } from './last-updates.js';

type Publish = Extract<SequenceRecord, { is: 'publish' }>;

/** A message may be this many windows on its way, and this much longer. */
const ON_ITS_WAY = 3;
const LATE_MS = 2000;

interface HeardTopic {
  /** The number received last, 0 if nothing was received since it is followed; undefined after a time in which NATS was
   *  away. */
  last: number | undefined;
  /** Undefined where messages do not wait on their way to NATS. */
  readonly updates: LastUpdates | undefined;
  /** Messages that newer ones of their keys had overtaken: the next message tells of them. */
  unsaid: number;
}

export class HeardStates {
  private readonly topics = new Map<string, HeardTopic>();

  /** @param windowOf how long the topic's messages may wait before they are published; undefined where they do not */
  constructor(
    private readonly windowOf: (topic: string) => number | undefined = () => undefined,
    private readonly clock = new PublishClock(),
  ) {}

  /** From now on all of the topic is received. */
  follow(topic: string): void {
    if (this.topics.has(topic)) return;
    const windowMs = this.windowOf(topic);
    const updates = windowMs === undefined ? undefined : new LastUpdates(this.clock, ON_ITS_WAY * windowMs + LATE_MS);
    this.topics.set(topic, { last: 0, updates, unsaid: 0 });
  }

  /** Message `seq` was received. Returns the number of the one before. After a time without NATS that is not known,
   *  and the number returned means that something was missed. */
  heard(topic: string, seq: number, subject: string, at: number | undefined): number {
    const heard = this.topics.get(topic);
    const before = heard?.last ?? seq - 1;
    if (heard === undefined) return before;
    heard.last = seq;
    if (at !== undefined && heard.updates !== undefined) {
      this.clock.heard(at);
      heard.updates.note(keyIn(subject), at);
    }
    return before;
  }

  /** What is to be published for `record`, a message to `subject`; undefined where it waited in a window, and a newer
   *  message of its key came meanwhile, as far as this node follows the topic. */
  toPublish(topic: string, subject: string, record: Publish): Publish | undefined {
    if (record.at === undefined) return record;
    const at = this.clock.at(record.at);
    const heard = this.topics.get(topic);
    const isNewest = heard?.updates?.note(keyIn(subject), at) !== false;
    const { replaced = 0 } = record;
    if (heard !== undefined && !isNewest && record.ack === undefined) {
      heard.unsaid += 1 + replaced;
      return undefined;
    }
    const told = replaced + (heard?.unsaid ?? 0);
    if (heard !== undefined) heard.unsaid = 0;
    return { ...record, at, ...(told > 0 && { replaced: told }) };
  }

  /** NATS is away. */
  doubt(): void {
    for (const heard of this.topics.values()) heard.last = undefined;
  }

  forget(topic: string): void {
    this.topics.get(topic)?.updates?.end();
    this.topics.delete(topic);
  }
}

/** A key is a subject's last token. */
function keyIn(subject: string): string {
  return subject.slice(subject.lastIndexOf('.') + 1);
}
