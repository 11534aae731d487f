// Delivers one publish to all: to a topic's raw sockets as it is, to its enveloped sockets in an envelope that is
// written once, into its history, and to other relays. A topic with raw sockets only and no history pays for the first
// alone.
import { type Bus, CrossingKind, type Deliver } from '../bus/bus.js';
import { noBus } from '../bus/none.js';
import { msgFrame, rawBody } from '../protocol/frames.js';
import type { Payload, PublishId } from '../protocol/ops.js';
import { bodyPayload, readParcel, writeParcel } from '../protocol/parcel.js';
import { publishKey } from '../protocol/publish-id.js';
import { passingUtf8 } from './bytes.js';
import type { Connection, Delivery, Publication, Topic } from './fanout/audience.js';
import type { FanOut } from './fanout/fanout.js';
import type { TopicTable } from './fanout/topic-table.js';
import type { Acknowledge, Numbered, Overtaken } from './history/numbering.js';
import type { RecentPublishes } from './history/recent-publishes.js';
import type { Sequencer } from './history/sequencer.js';
import type { Presence } from './session/presence.js';

/** How many numbers of its own messages are remembered for a socket that is still joining. */
const MAX_OWN_SEQS = 10_000;

export class Exchange {
  /** @param sequencer numbers the messages of topics with history; undefined where there are none */
  constructor(
    private readonly fanOut: FanOut,
    private readonly topics: TopicTable,
    private readonly bus: Bus,
    private readonly connections: ReadonlyMap<string, Connection>,
    private readonly sequencer: Sequencer | undefined,
    private readonly recent: RecentPublishes,
    private readonly presence: Pick<Presence, 'heard'>,
  ) {}

  /** Fans out a frame of a raw socket. The hot path: see FanOut. */
  publishRaw(
    topic: Topic,
    sender: Connection,
    message: ArrayBuffer | Uint8Array,
    isBinary: boolean,
    size: number,
  ): void {
    if (topic.history !== undefined && this.publishKept(topic.name, sender, message, isBinary)) return;
    this.fanOutRaw(topic, sender, message, isBinary, size);
    this.bus.forward(topic.name, message, isBinary ? CrossingKind.binary : CrossingKind.text);
  }

  /** Fans out a message that no socket sent (HTTP) to a topic, which need not have subscribers. Returns how many
   *  there are here. `acknowledge` is as in publishPayload. */
  publishTo(
    name: string,
    message: ArrayBuffer | Uint8Array,
    isBinary: boolean,
    acknowledge?: Acknowledge,
    key?: string,
  ): number {
    const topic = this.topics.find(name);
    if (!this.publishKept(name, undefined, message, isBinary, acknowledge, key)) {
      acknowledge?.(0);
      if (topic !== undefined) this.fanOutRaw(topic, undefined, message, isBinary, message.byteLength, key);
      if (key === undefined) this.bus.forward(name, message, isBinary ? CrossingKind.binary : CrossingKind.text);
      else this.bus.forward(name, writeParcel(rawBody(message, isBinary), undefined, key), CrossingKind.envelope);
    }
    return topic?.subscribers ?? 0;
  }

  /** Fans out what an enveloped socket published. `acknowledge` gets its seq: 0 if the topic has no history,
   *  undefined if it cannot be known whether a repeated one had already been published. A message with `isUnasked`
   *  may get no answer. */
  publishPayload(
    name: string,
    sender: Connection,
    payload: Payload,
    once: PublishId | undefined,
    acknowledge: Acknowledge,
    isUnasked: boolean,
  ): void {
    const { body } = payload;
    const from = sender.user;
    const { sequencer } = this;
    if (sequencer?.keeps(name)) {
      const outgoing = { topic: name, body, from, sender, payload, once, isUnasked };
      if (sequencer.publish(outgoing, acknowledge)) return;
    }
    if (once !== undefined && !this.isNew(publishKey(name, from, once.pid), once.repeat, acknowledge)) return;
    if (this.bus !== noBus) this.bus.forward(name, writeParcel(body, from, payload.key), CrossingKind.envelope);
    const topic = this.topics.find(name);
    if (topic !== undefined) this.fanOutPayload(topic, sender, payload, from);
    acknowledge(0);
  }

  /** Whether a publish with an id is new. For topics without history, the thread that received it remembers the id. */
  private isNew(key: string, repeat: number | undefined, acknowledge: Acknowledge): boolean {
    const known = this.recent.find(key);
    const isAlone = this.bus === noBus;
    if (known === undefined && (repeat === undefined || (isAlone && this.recent.covers(repeat)))) {
      this.recent.note(key, 0);
      return true;
    }
    acknowledge(known);
    return false;
  }

  /** Fans out here what another relay's publisher sent. */
  readonly receive: Deliver = (name, message, kind) => {
    const topic = this.topics.find(name);
    if (topic === undefined) return;
    if (kind === CrossingKind.presence) {
      this.presence.heard(topic, message);
      return;
    }
    // A message of a topic that is kept comes without a number while its owner is away.
    const keeper = topic.history === undefined ? undefined : this.sequencer;
    if (kind !== CrossingKind.envelope) {
      const isBinary = kind === CrossingKind.binary;
      keeper?.meanwhile({ topic: name, body: rawBody(message, isBinary), from: undefined, key: undefined }, true);
      this.fanOutRaw(topic, undefined, message, isBinary, message.byteLength, undefined, 'unknown');
      return;
    }
    const { body, from, key, replaced, atMs } = readParcel(message);
    keeper?.meanwhile({ topic: name, body, from, key }, true);
    this.fanOutPayload(topic, undefined, withKey(bodyPayload(body), key), from, replaced, atMs ?? 'unknown');
  };

  /** Fans out everywhere a message whose owner has ended. */
  readonly unowned = (message: Numbered): void => {
    const { topic, body, from, key } = message;
    this.bus.forward(topic, writeParcel(body, from, key), CrossingKind.envelope);
    this.numbered(message);
  };

  /** Fans out here a message that the topic's owner, this thread or another, has numbered. */
  readonly numbered = (message: Numbered): void => {
    const { topic: name, body, seq, from, sender, payload, key, isForRawOnly = false, replaced = 0 } = message;
    const topic = this.topics.find(name);
    if (topic === undefined) return;
    const connection = typeof sender === 'string' ? this.connections.get(sender) : sender;
    if (connection?.ownSeqs !== undefined) noteOwn(connection.ownSeqs, seq);
    const both = payload ?? withKey(bodyPayload(body), key);
    if (topic.delivery !== undefined) {
      const about = { from, seq, sender: connection, isForRawOnly, replaced, publishedAtMs: 'unknown' as const };
      if (this.window(topic.delivery, both, about)) return;
    }
    this.fanOutToRaw(topic, connection, both);
    if (!isForRawOnly) this.envelop(topic, connection, body, from, seq);
  };

  /** Counts a numbered topic's message that a newer one of its key came before. */
  readonly overtaken = ({ topic, sender, replaced = 0 }: Overtaken): void => {
    const connection = typeof sender === 'string' ? this.connections.get(sender) : sender;
    this.topics.find(topic)?.delivery?.overtaken({ sender: connection, replaced });
  };

  private publishKept(
    name: string,
    sender: Connection | undefined,
    message: ArrayBuffer | Uint8Array,
    isBinary: boolean,
    acknowledge?: Acknowledge,
    key?: string,
  ): boolean {
    const { sequencer } = this;
    if (!sequencer?.keeps(name)) return false;
    const bytes = message instanceof Uint8Array ? message : new Uint8Array(message);
    const body = rawBody(bytes, isBinary);
    const payload = withKey({ body, raw: bytes, isText: !isBinary }, key);
    return sequencer.publish({ topic: name, body, from: undefined, sender, payload }, acknowledge);
  }

  private fanOutRaw(
    topic: Topic,
    sender: Connection | undefined,
    message: ArrayBuffer | Uint8Array,
    isBinary: boolean,
    size: number,
    key?: string,
    publishedAtMs?: number | 'unknown',
  ): void {
    if (topic.delivery !== undefined) {
      const raw = message instanceof Uint8Array ? message : new Uint8Array(message);
      const publication: Publication = {
        raw,
        isBinary,
        body: undefined,
        from: undefined,
        seq: 0,
        sender,
        key,
        isForRawOnly: false,
        replaced: 0,
        publishedAtMs,
      };
      if (topic.delivery.take(publication)) return;
    }
    if (topic.enveloped !== undefined || topic.batched !== undefined)
      this.envelop(topic, sender, rawBody(message, isBinary), undefined, 0);
    this.fanOut.publish(topic.raw, sender, message, isBinary, size);
  }

  private fanOutPayload(
    topic: Topic,
    sender: Connection | undefined,
    payload: Payload,
    from: string | undefined,
    replaced = 0,
    publishedAtMs?: number | 'unknown',
  ): void {
    if (topic.delivery !== undefined) {
      const about = { from, seq: 0, sender, isForRawOnly: false, replaced, publishedAtMs };
      if (this.window(topic.delivery, payload, about)) return;
    }
    this.fanOutToRaw(topic, sender, payload);
    this.envelop(topic, sender, payload.body, from, 0);
  }

  private window(
    delivery: Delivery,
    { raw, body, isText, key }: Payload,
    about: Omit<Publication, 'raw' | 'isBinary' | 'body' | 'key'>,
  ): boolean {
    const isBinary = !isTextual(raw, isText);
    const { from, seq, sender, isForRawOnly, replaced, publishedAtMs } = about;
    return delivery.take({ raw, isBinary, body, from, seq, sender, key, isForRawOnly, replaced, publishedAtMs });
  }

  private fanOutToRaw(topic: Topic, sender: Connection | undefined, { raw, isText }: Payload): void {
    if (topic.raw.subscribers.size === 0) return;
    const bytes = typeof raw === 'string' ? passingUtf8(raw) : raw;
    this.fanOut.publish(topic.raw, sender, bytes, !isTextual(raw, isText), bytes.length);
  }

  private envelop(
    topic: Topic,
    sender: Connection | undefined,
    body: string,
    from: string | undefined,
    seq: number,
  ): void {
    const { enveloped, batched } = topic;
    const hasSingle = enveloped !== undefined && enveloped.subscribers.size > 0;
    const hasBatched = batched !== undefined && batched.subscribers.size > 0;
    if (!hasSingle && !hasBatched) return;
    const frame = passingUtf8(msgFrame(topic.head, body, seq, from));
    if (hasSingle) this.fanOut.publish(enveloped, sender, frame, false, frame.length);
    if (hasBatched) this.fanOut.publish(batched, sender, frame, false, frame.length);
  }
}

/** A joining socket is replayed everything published meanwhile, but must not receive its own messages. */
function noteOwn(ownSeqs: Set<number>, seq: number): void {
  if (ownSeqs.size < MAX_OWN_SEQS) ownSeqs.add(seq);
}

function withKey(payload: Payload, key: string | undefined): Payload {
  return key === undefined ? payload : { ...payload, key };
}

/** Whether a payload goes out to raw subscribers as a text frame. */
function isTextual(raw: string | Uint8Array, isText: boolean | undefined): boolean {
  return isText ?? typeof raw === 'string';
}
