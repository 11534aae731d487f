// Topics and who listens to them. A topic keeps its audiences apart, so that no socket pays for another kind of socket.
import type { Interest } from '../../bus/bus.js';
import { msgHead } from '../../protocol/frames.js';
import type { HistoryStore, TopicHistory } from '../history/history.js';
import type { Batch } from './batch.js';
import type { Connection } from './connection.js';

/** The sockets of a topic that receive the same bytes: one uWS topic, and the state the fan-out keeps for it. */
export class Audience {
  /** The uWS topic's name. */
  readonly key: string;
  readonly topic: Topic;
  /** Its subscribers, lagging ones included. */
  readonly subscribers = new Set<Connection>();
  /** How many of `subscribers` lag, and are off the uWS topic until they have drained. */
  lagging = 0;
  /** Messages fanned out so far. */
  published = 0;
  /** Payload bytes fanned out since the subscribers' backpressure was last looked at. */
  unsweptBytes = 0;
  /** Messages published directly that uWS may not have written yet, at most. */
  direct = 0;
  /** What `direct` was when its present count began, and in which loop iteration that was. */
  countedFrom = 0;
  countedSince = 0;
  /** Messages that wait for the flush at the end of this loop iteration. */
  batch: Batch | undefined;
  /** Whether the next flush will visit this audience. */
  awaitsFlush = false;

  constructor(topic: Topic, key: string) {
    this.topic = topic;
    this.key = key;
  }
}

/** Begins the uWS topic's name of enveloped audiences. No topic name has a control character, so the two never meet. */
const ENVELOPED_PREFIX = '\u0001';

export class Topic {
  readonly name: string;
  /** Sockets without a subprotocol. */
  readonly raw: Audience;
  /** Sockets that speak fanwire.v1; undefined while there are none, so that raw publishes need not look further. */
  enveloped: Audience | undefined;
  /** Enveloped sockets that are not in the live stream yet: they wait for the history, or are being replayed to. */
  entering = 0;
  /** Undefined where no rule keeps this topic. */
  readonly history: TopicHistory | undefined;
  /** Who is here; undefined where presence is off. */
  readonly members: Set<Connection> | undefined;
  /** `published` when rates were last measured. */
  ratedPublished = 0;
  private envelopeHead: string | undefined;

  constructor(name: string, history: TopicHistory | undefined, hasPresence: boolean) {
    this.name = name;
    this.raw = new Audience(this, name);
    this.history = history;
    this.members = hasPresence ? new Set() : undefined;
  }

  /** Messages fanned out so far. What a raw socket publishes goes to both audiences, so this is the larger count. */
  get published(): number {
    return Math.max(this.raw.published, this.enveloped?.published ?? 0);
  }

  /** Sockets that joined the topic. */
  get subscribers(): number {
    return this.raw.subscribers.size + (this.enveloped?.subscribers.size ?? 0) + this.entering;
  }

  /** How every envelope of this topic begins. */
  get head(): string {
    this.envelopeHead ??= msgHead(this.name);
    return this.envelopeHead;
  }

  openEnveloped(): Audience {
    this.enveloped ??= new Audience(this, ENVELOPED_PREFIX + this.name);
    return this.enveloped;
  }

  closeEnvelopedIfEmpty(): void {
    if (this.enveloped?.subscribers.size === 0) this.enveloped = undefined;
  }
}

/** What topics have beyond their subscribers. */
export interface TopicFeatures {
  readonly history: HistoryStore | undefined;
  readonly hasPresence: (topic: string) => boolean;
  /** Told of each topic's first holder and of its last one's end. */
  readonly interest: Interest | undefined;
}

const NO_FEATURES: TopicFeatures = { history: undefined, hasPresence: () => false, interest: undefined };

/** The topics that somebody holds. A topic lives from its first subscriber to its last. */
export class TopicTable {
  private readonly byName = new Map<string, Topic>();

  /** @param maxTopics topics that may be held at once; 0 is unlimited */
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

  /** False when `name` would be one topic too many. */
  hasRoomFor(name: string): boolean {
    return this.maxTopics === 0 || this.byName.size < this.maxTopics || this.byName.has(name);
  }

  /** Finds or makes the topic; `releaseIfEmpty` it when its last subscriber has left. */
  hold(name: string): Topic {
    let topic = this.byName.get(name);
    if (topic === undefined) {
      const history = this.features.history?.open(name);
      topic = new Topic(name, history, this.features.hasPresence(name));
      this.byName.set(name, topic);
      this.features.interest?.subscribe(name);
      if (history !== undefined) this.features.history?.hold(history);
    }
    return topic;
  }

  releaseIfEmpty(topic: Topic): void {
    if (topic.subscribers > 0 || this.byName.get(topic.name) !== topic) return;
    this.byName.delete(topic.name);
    this.features.interest?.unsubscribe(topic.name);
    if (topic.history !== undefined) this.features.history?.release(topic.history);
  }

  hasPresence(name: string): boolean {
    return this.features.hasPresence(name);
  }

  values(): IterableIterator<Topic> {
    return this.byName.values();
  }
}
