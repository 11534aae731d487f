// One publish, every audience: a message goes to a topic's raw sockets as it is, to its enveloped sockets in an envelope that is
// written once, into its history, and to other relays. Where a topic has raw sockets only and no history, only the first costs.
import { type Bus, type Deliver, Kind } from '../bus/bus.js';
import { noBus } from '../bus/none.js';
import { binaryBody, msgFrame, textBody } from '../protocol/frames.js';
import type { Payload } from '../protocol/ops.js';
import { bodyPayload, readParcel, writeParcel } from '../protocol/parcel.js';
import type { Connection } from './connection.js';
import type { FanOut } from './fanout.js';
import type { HistoryStore } from './history.js';
import type { Topic, TopicTable } from './topic.js';

export class Exchange {
  constructor(
    private readonly fanOut: FanOut,
    private readonly topics: TopicTable,
    private readonly bus: Bus,
    private readonly history: HistoryStore | undefined,
  ) {}

  /** Fans out a frame of a raw socket. The hot path: see FanOut. */
  publishRaw(topic: Topic, sender: Connection, message: ArrayBuffer, isBinary: boolean): void {
    this.fanOutRaw(topic, sender, message, isBinary);
    this.bus.forward(topic.name, message, isBinary ? Kind.binary : Kind.text);
  }

  /** Fans out what nobody's socket sent (HTTP) to a topic, which need not have subscribers. Gives how many there are here. */
  publishTo(name: string, message: ArrayBuffer | Uint8Array, isBinary: boolean): number {
    const topic = this.topics.find(name);
    if (topic !== undefined) this.fanOutRaw(topic, undefined, message, isBinary);
    else this.history?.open(name)?.append(rawBody(message, isBinary), undefined);
    this.bus.forward(name, message, isBinary ? Kind.binary : Kind.text);
    return topic?.subscribers ?? 0;
  }

  /** Fans out what an enveloped socket published. Gives its seq, 0 where the topic has no history. */
  publishPayload(name: string, sender: Connection, payload: Payload): number {
    const topic = this.topics.find(name);
    const from = sender.user;
    if (this.bus !== noBus) this.bus.forward(name, writeParcel(payload.body, from), Kind.envelope);
    if (topic === undefined) return this.history?.open(name)?.append(payload.body, from) ?? 0;
    return this.fanOutPayload(topic, sender, payload, from);
  }

  /** Fans out here what another relay's publisher sent. */
  readonly receive: Deliver = (name, message, kind) => {
    const topic = this.topics.find(name);
    if (topic === undefined) return;
    if (kind === Kind.presence) {
      if (topic.enveloped !== undefined) this.fanOut.publish(topic.enveloped, undefined, message, false);
      return;
    }
    if (kind !== Kind.envelope) {
      this.fanOutRaw(topic, undefined, message, kind === Kind.binary);
      return;
    }
    const { body, from } = readParcel(message);
    this.fanOutPayload(topic, undefined, bodyPayload(body), from);
  };

  private fanOutRaw(
    topic: Topic,
    sender: Connection | undefined,
    message: ArrayBuffer | Uint8Array,
    isBinary: boolean,
  ): void {
    if (!topic.isRawOnly) this.envelop(topic, sender, rawBody(message, isBinary), undefined);
    this.fanOut.publish(topic.raw, sender, message, isBinary);
  }

  private fanOutPayload(
    topic: Topic,
    sender: Connection | undefined,
    { raw, body }: Payload,
    from: string | undefined,
  ): number {
    if (topic.raw.subscribers.size > 0) {
      const isText = typeof raw === 'string';
      this.fanOut.publish(topic.raw, sender, isText ? Buffer.from(raw) : raw, !isText);
    }
    return this.envelop(topic, sender, body, from);
  }

  private envelop(topic: Topic, sender: Connection | undefined, body: string, from: string | undefined): number {
    const seq = topic.history?.append(body, from) ?? 0;
    const { enveloped } = topic;
    if (enveloped !== undefined && enveloped.subscribers.size > 0) {
      this.fanOut.publish(enveloped, sender, Buffer.from(msgFrame(topic.head, body, seq, from)), false);
    }
    return seq;
  }
}

function rawBody(message: ArrayBuffer | Uint8Array, isBinary: boolean): string {
  const bytes = message instanceof Uint8Array ? message : new Uint8Array(message);
  if (isBinary) return binaryBody(bytes);
  return textBody(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString());
}
