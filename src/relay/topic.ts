// Topics and who listens to them. A topic keeps its audiences apart, so that no socket pays for another kind of socket.
import type { Interest } from '../bus/bus.js';
import { noBus } from '../bus/none.js';
import type { Batch } from './batch.js';
import type { Connection } from './connection.js';

/** The sockets of a topic that receive the same bytes: one uWS topic, and the state the fan-out keeps for it. */
export class Audience {
  /** The uWS topic's name. */
  readonly key: string;
  /** Its subscribers, lagging ones included. */
  readonly subscribers = new Set<Connection>();
  /** How many of `subscribers` lag, and are off the uWS topic until they have drained. */
  lagging = 0;
  /** Messages fanned out so far. */
  published = 0;
  /** Payload bytes fanned out since the subscribers' backpressure was last looked at. */
  unsweptBytes = 0;
  /** Messages published directly since the last flush. */
  direct = 0;
  /** Messages that wait for the flush at the end of this loop iteration. */
  batch: Batch | undefined;
  /** Whether the next flush will visit this audience. */
  awaitsFlush = false;

  constructor(key: string) {
    this.key = key;
  }
}

export class Topic {
  readonly name: string;
  /** Sockets without a subprotocol. */
  readonly raw: Audience;

  constructor(name: string) {
    this.name = name;
    this.raw = new Audience(name);
  }

  /** Sockets that joined the topic. */
  get subscribers(): number {
    return this.raw.subscribers.size;
  }
}

/** The topics that somebody holds. A topic lives from its first subscriber to its last. */
export class TopicTable {
  private readonly byName = new Map<string, Topic>();

  /**
   * @param maxTopics topics that may be held at once; 0 is unlimited
   * @param interest told of each topic's first holder and of its last one's end
   */
  constructor(
    private readonly maxTopics = 0,
    private readonly interest: Interest = noBus,
  ) {}

  get size(): number {
    return this.byName.size;
  }

  find(name: string): Topic | undefined {
    return this.byName.get(name);
  }

  /** False when `name` would be one topic too many. */
  hasRoomFor(name: string): boolean {
    return this.maxTopics === 0 || this.byName.size < this.maxTopics || this.byName.has(name);
  }

  /** Finds or makes the topic; `releaseIfEmpty` it when its last subscriber has left. */
  hold(name: string): Topic {
    let topic = this.byName.get(name);
    if (topic === undefined) {
      topic = new Topic(name);
      this.byName.set(name, topic);
      this.interest.subscribe(name);
    }
    return topic;
  }

  releaseIfEmpty(topic: Topic): void {
    if (topic.subscribers > 0 || this.byName.get(topic.name) !== topic) return;
    this.byName.delete(topic.name);
    this.interest.unsubscribe(topic.name);
  }

  values(): IterableIterator<Topic> {
    return this.byName.values();
  }
}
