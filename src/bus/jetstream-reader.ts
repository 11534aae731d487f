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

/** Topics read at a time: each has one request under way, 0.1 ms of NATS's time, far from the client's timeout. */
const TOPICS_AT_ONCE = 64;
/** Of these with more messages than are read one by one; each holds a batch in memory. */
const LONG_TOPICS_AT_ONCE = 4;
/** Messages asked for one by one. More come from a consumer, which costs NATS as much as ten requests. */
const ONE_BY_ONE = 16;
/** From this many waiting topics of a stream on, all of it is read in one pass for all of them, where it holds few
 *  messages for each: to find a topic's next message NATS looks through those between, 0.1 µs each. */
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

  /** What is kept of a topic. From here on the live stream is heard, if it is subscribed to: what the copy lacks comes
   *  there. */
  read(at: KeptAt): Promise<KeptTopic> {
    return this.topics.do(keyOf(at));
  }

  /** Where a topic's stream is, and the number of the topic's last message. */
  async positionOf({ stream, subject }: KeptAt): Promise<{ readonly seq: number; readonly last: number }> {
    const { state } = await this.streams.do(stream); // first: what comes between is in `last` at most
    const latest = await this.manager.streams.getMessage(stream, { last_by_subj: subject });
    return { seq: state.last_seq, last: latest?.seq ?? 0 };
  }

  /** NATS is away: who waits is told, and asks again when it is back. */
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

  /** Streams drop their oldest messages, and a topic at its limit drops its own oldest, also while it is read: then
   *  some may be missing between those read, up to the oldest that is still there. */
  private async floorOf(at: KeptAt, messages: KeptMessage[], before: StreamInfo, after: StreamInfo): Promise<number> {
    if (at.subject.endsWith('*')) return 0; // what went was replaced, or is to be forgotten
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
    return this.long.do(keyOf(at)); // from the first on: it may take a while until its turn comes
  }

  /** The first message of a topic from number `seq` on. NATS has that from 2.9; the client's types lack it. */
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

  /** Takes the messages up to number `upTo`: beyond it they come faster, maybe, than they are read. */
  private async consume({ stream, subject }: KeptAt, upTo: number, take: (message: JsMsg) => void): Promise<void> {
    // Not an ordered consumer of the client library: with a filter that asks for NATS 2.10.
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

/** The subject by which a topic's state is read, of that of one of its keys. */
function topicOfKey(subject: string): string {
  return `${subject.slice(0, subject.lastIndexOf('.'))}.*`;
}

/** Neither has a space in it. */
function keyOf({ stream, subject }: KeptAt): string {
  return `${stream} ${subject}`;
}

function placeOf(key: string): KeptAt {
  const space = key.indexOf(' ');
  return { stream: key.slice(0, space), subject: key.slice(space + 1) };
}
