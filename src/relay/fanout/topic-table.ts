// The topics in use: a topic exists from its first holder to its last.
import type { Interest } from '../../bus/bus.js';
import { TopicKeys } from '../bytes.js';
import type { HistoryStore } from '../history/history.js';
import { type Delivery, Topic } from './audience.js';

/** The features that topics have besides subscribers. */
export interface TopicFeatures {
  readonly history: HistoryStore | undefined;
  readonly hasPresence: (topic: string) => boolean;
  /** The delivery of a topic whose messages do not all go out at once; undefined for the others. */
  readonly deliveryOf?: (topic: Topic) => Delivery | undefined;
  /** Told when a topic gets its first holder and when it loses its last one. */
  readonly interest: Interest | undefined;
}

const NO_FEATURES: TopicFeatures = { history: undefined, hasPresence: () => false, interest: undefined };

export class TopicTable {
  private readonly byName = new Map<string, Topic>();
  private readonly keys = new TopicKeys();

  /** @param maxTopics how many topics may exist at once; 0 is unlimited */
  constructor(
    private readonly maxTopics = 0,
    private readonly features: TopicFeatures = NO_FEATURES,
  ) {}

  get size(): number {
    return this.byName.size;
  }

  find(name: string): Topic | undefined {
    return this.byName.get(name);
  }

  /** False if `name` would be one topic too many. */
  hasRoomFor(name: string): boolean {
    return this.maxTopics === 0 || this.byName.size < this.maxTopics || this.byName.has(name);
  }

  /** Finds or makes the topic; call `releaseIfEmpty` when its last subscriber has left. */
  hold(name: string): Topic {
    let topic = this.byName.get(name);
    if (topic === undefined) {
      const history = this.features.history?.open(name);
      topic = new Topic(name, history, this.features.hasPresence(name), this.keys);
      topic.delivery = this.features.deliveryOf?.(topic);
      this.byName.set(name, topic);
      this.features.interest?.subscribe(name);
      if (history !== undefined) this.features.history?.hold(history);
    }
    return topic;
  }

  releaseIfEmpty(topic: Topic): void {
    if (topic.subscribers > 0 || topic.readers > 0 || this.byName.get(topic.name) !== topic) return;
    this.byName.delete(topic.name);
    topic.delivery?.end();
    this.features.interest?.unsubscribe(topic.name);
    if (topic.history !== undefined) this.features.history?.release(topic.history);
  }

  /** Whether a rule keeps the topic's past. */
  keeps(name: string): boolean {
    return this.features.history?.keeps(name) ?? false;
  }

  hasPresence(name: string): boolean {
    return this.features.hasPresence(name);
  }

  values(): IterableIterator<Topic> {
    return this.byName.values();
  }
}
