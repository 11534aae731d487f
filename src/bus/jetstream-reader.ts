// Reads what streams keep of topics. All readers share one path, with a bounded number of topics at a time and one read
// for all who ask for the same topic: after an outage of NATS, or when thousands of topics get their first subscriber
// at once, all ask together.
import {
  AckPolicy,
  type JetStreamClient,
  type JetStreamManager,
  type JsMsg,
  type StreamInfo,
} from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import { SharedWork } from '../base/shared-work.js';

/** Topics read at a time. Each has one request under way that takes NATS 0.1 ms, so none waits until it times out. */
const TOPICS_AT_ONCE = 64;
/** How many of these may have more than ONE_BY_ONE messages: all messages of such a topic are held in memory. */
const LONG_TOPICS_AT_ONCE = 4;
/** Messages asked for one by one. More come from a consumer, which costs NATS as much as ten requests. */
const ONE_BY_ONE = 16;
/** If at least this many topics of a stream wait, and it holds few messages for each, it is read once for all of them:
 *  to find the next message of one topic, NATS looks at every message between, 0.1 µs each. */
const SWEEP_FROM_TOPICS = 64;
const SWEEP_MESSAGES_A_TOPIC = 32;
const SWEEP_BYTES = 128 * 1024 * 1024;
/** Messages fetched from a consumer at a time. */
const BATCH = 500;
/** How long a batch may take. */
const BATCH_MS = 5000;

/** Where a topic is kept. The subject of a state ends with a `*`, for its keys. */
export interface KeptAt {
  readonly stream: string;
  readonly subject: string;
}

export interface KeptMessage {
  readonly seq: number;
  /** When it was published, by NATS's clock. */
  readonly atMs: number;
  readonly data: Uint8Array;
}

/** All of a topic's messages over `floor`, read when its stream was at `seq` or later. */
export interface KeptTopic {
  readonly floor: number;
  readonly seq: number;
  readonly messages: readonly KeptMessage[];
}

export class JetStreamReader {
  private readonly topics = new SharedWork<string, KeptTopic>(TOPICS_AT_ONCE, (key) => this.readTopic(placeOf(key)));
  private readonly streams = new SharedWork<string, StreamInfo>(8, (name) => this.manager.streams.info(name));
  private readonly flushes = new SharedWork<'', void>(1, () => this.nats.flush());
  private readonly long = new SharedWork<string, KeptMessage[]>(LONG_TOPICS_AT_ONCE, (key) =>
    this.readByConsumer(placeOf(key)),
  );

  constructor(
    private readonly nats: NatsConnection,
    private readonly client: JetStreamClient,
    private readonly manager: JetStreamManager,
  ) {}

  /** Topics that are being read or wait for it. */
  get pending(): number {
    return this.topics.pending;
  }

  /** What is kept of a topic. If the caller has subscribed to the topic's live messages before, it misses none: those
   *  that the copy lacks arrive there. */
  read(at: KeptAt): Promise<KeptTopic> {
    return this.topics.do(keyOf(at));
  }

  /** Where a topic's stream is, and the number of the topic's last message. */
  async positionOf({ stream, subject }: KeptAt): Promise<{ readonly seq: number; readonly last: number }> {
    const { state } = await this.streams.do(stream); // first: a message that comes now may raise `last` only
    const latest = await this.manager.streams.getMessage(stream, { last_by_subj: subject });
    return { seq: state.last_seq, last: latest?.seq ?? 0 };
  }

  /** NATS is away: all reads that wait are rejected, and callers ask again when NATS is back. */
  stop(): void {
    this.topics.forget(new Error('NATS is away'));
  }

  private async readTopic(at: KeptAt): Promise<KeptTopic> {
    await this.flushes.do('');
    const before = await this.streams.do(at.stream);
    if (this.shouldSweep(before)) await this.sweep(at.stream);
    const messages = before.state.messages === 0 ? [] : await this.readMessages(at);
    return this.keptTopic(at, messages, before, await this.streams.do(at.stream));
  }

  private shouldSweep({ config, state }: StreamInfo): boolean {
    if (state.bytes > SWEEP_BYTES) return false;
    const topics = this.topics.countQueued((key) => placeOf(key).stream === config.name);
    return topics >= SWEEP_FROM_TOPICS && state.messages <= topics * SWEEP_MESSAGES_A_TOPIC;
  }

  /** Reads a stream once for all topics that wait for it. */
  private async sweep(stream: string): Promise<void> {
    const claimed = this.topics.claim((key) => placeOf(key).stream === stream);
    const messagesOf = new Map<string, KeptMessage[]>();
    for (const key of claimed.keys()) messagesOf.set(placeOf(key).subject, []);
    try {
      await this.flushes.do('');
      const before = await this.streams.do(stream);
      const { subjects = [] } = before.config;
      for (const subject of before.state.messages === 0 ? [] : subjects) {
        const take = (message: JsMsg): void => {
          const read = messagesOf.get(message.subject) ?? messagesOf.get(topicOfKey(message.subject));
          read?.push(keptMessage(message));
        };
        await this.consume({ stream, subject }, before.state.last_seq, take);
      }
      const after = await this.streams.do(stream);
      for (const [key, { resolve, reject }] of claimed) {
        const at = placeOf(key);
        this.keptTopic(at, messagesOf.get(at.subject) as KeptMessage[], before, after).then(resolve, reject);
      }
    } catch (error) {
      for (const { reject } of claimed.values()) reject(error);
    }
  }

  private async keptTopic(
    at: KeptAt,
    messages: KeptMessage[],
    before: StreamInfo,
    after: StreamInfo,
  ): Promise<KeptTopic> {
    const floor = await this.floorOf(at, messages, before, after);
    return { floor, seq: before.state.last_seq, messages: messages.filter(({ seq }) => seq > floor) };
  }

  /** A stream drops its oldest messages, and a topic at its limit drops its own oldest. If that happens during a read,
   *  messages may be missing between those read, but none from the oldest that is still kept on. */
  private async floorOf(at: KeptAt, messages: KeptMessage[], before: StreamInfo, after: StreamInfo): Promise<number> {
    if (at.subject.endsWith('*')) return 0; // what is missing was replaced, or may be forgotten: no gap
    const limit = after.config.max_msgs_per_subject;
    const published = after.state.last_seq - before.state.last_seq;
    let floor = after.state.first_seq - 1;
    if (messages.length >= limit) floor = Math.max(floor, (messages[0] as KeptMessage).seq - 1);
    if (messages.length > 1 && published > 0 && messages.length + published >= limit) {
      const oldest = await this.nextOf(at, 1);
      floor = Math.max(floor, (oldest?.seq ?? after.state.last_seq + 1) - 1);
    }
    return floor;
  }

  private async readMessages(at: KeptAt): Promise<KeptMessage[]> {
    const { streams } = this.manager;
    const latest = await streams.getMessage(at.stream, { last_by_subj: at.subject });
    if (latest === null) return [];
    const messages: KeptMessage[] = [];
    let from = 1;
    while (messages.length < ONE_BY_ONE) {
      const message = await this.nextOf(at, from);
      if (message === null) return messages;
      messages.push(message);
      if (message.seq >= latest.seq) return messages;
      from = message.seq + 1;
    }
    return this.long.do(keyOf(at)); // from the first again: this may wait long, and some may be dropped meanwhile
  }

  /** The first message of a topic from number `seq` on. NATS can do this since 2.9; the client's types cannot. */
  private async nextOf({ stream, subject }: KeptAt, seq: number): Promise<KeptMessage | null> {
    const message = await this.manager.streams.getMessage(stream, { seq, next_by_subj: subject } as { seq: number });
    return message && keptMessage(message);
  }

  private async readByConsumer(at: KeptAt): Promise<KeptMessage[]> {
    const messages: KeptMessage[] = [];
    const latest = await this.manager.streams.getMessage(at.stream, { last_by_subj: at.subject });
    await this.consume(at, latest?.seq ?? 0, (message) => messages.push(keptMessage(message)));
    return messages;
  }

  /** Takes the messages up to number `upTo`: without an end, new ones might arrive faster than they are read. */
  private async consume({ stream, subject }: KeptAt, upTo: number, take: (message: JsMsg) => void): Promise<void> {
    // The client library's ordered consumer would do, but with a filter it needs NATS 2.10.
    const { name, num_pending: count } = await this.manager.consumers.add(stream, {
      filter_subject: subject,
      ack_policy: AckPolicy.None,
      inactive_threshold: BATCH_MS * 1e6,
      mem_storage: true,
    });
    const consumer = await this.client.consumers.get(stream, name);
    for (let left = count; left > 0; ) {
      const batch = await consumer.fetch({ max_messages: Math.min(left, BATCH), expires: BATCH_MS });
      let isEmpty = true;
      for await (const message of batch) {
        take(message);
        left = message.seq >= upTo ? 0 : message.info.pending;
        isEmpty = false;
      }
      if (isEmpty) break; // expired meanwhile
    }
    await this.manager.consumers.delete(stream, name);
  }
}

function keptMessage({ seq, data, timestamp }: Pick<JsMsg, 'seq' | 'data' | 'timestamp'>): KeptMessage {
  return { seq, data, atMs: Date.parse(timestamp) };
}

/** From the subject of one key of a state: the subject by which the whole state is read. */
function topicOfKey(subject: string): string {
  return `${subject.slice(0, subject.lastIndexOf('.'))}.*`;
}

/** Can be split again: neither part contains a space. */
function keyOf({ stream, subject }: KeptAt): string {
  return `${stream} ${subject}`;
}

function placeOf(key: string): KeptAt {
  const space = key.indexOf(' ');
  return { stream: key.slice(0, space), subject: key.slice(space + 1) };
}
