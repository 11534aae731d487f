// Nodes that keep different topics, as while --history is changed node by node: a message goes to every stream that
// some node reads the topic from, and as it is, marked, to nodes that keep no stream of it. Each node hears one of
// these, so nobody hears it twice.
import type { NatsConnection } from '@nats-io/transport-node';
import type { HistoryRule } from '../config/history-rules.js';
import { ruleFor } from '../config/topic-rules.js';
import { binaryBody, textBody } from '../protocol/frames.js';
import { type Parcel, readParcel, writeParcel } from '../protocol/parcel.js';
import { writeRecord } from '../protocol/sequence-record.js';
import { Kind } from './bus.js';
import type { NodeRules } from './rules.js';
import { bridgedSubject, historySubject, patternHash } from './subject.js';

/** Where else a message must go. */
export interface Elsewhere {
  /** Of other nodes' rules for the topic: the hashes of their patterns. */
  readonly streams: readonly string[];
  /** Whether some node keeps no stream of the topic. */
  readonly hasUnkept: boolean;
}

export class Bridge {
  /** The others' rules where they differ in which topics they keep; mostly none. */
  private others: readonly (readonly HistoryRule[])[] = [];

  /** @param own the rules of this node */
  constructor(
    private readonly prefix: string,
    private readonly own: readonly HistoryRule[],
  ) {}

  /** The rules of the other nodes have changed. */
  update(others: readonly NodeRules[]): void {
    const own = patternsOf(this.own);
    const byPatterns = new Map(others.map(({ history }) => [patternsOf(history), history]));
    byPatterns.delete(own);
    this.others = [...byPatterns.values()];
  }

  /** Whether this node hears the topic from a stream. */
  keeps(topic: string): boolean {
    return ruleFor(this.own, topic) !== undefined;
  }

  /** Undefined where all nodes go by the same rule for the topic. */
  elsewhere(topic: string): Elsewhere | undefined {
    if (this.others.length === 0) return undefined;
    const own = ruleFor(this.own, topic)?.pattern;
    const patterns = new Set(this.others.map((rules) => ruleFor(rules, topic)?.pattern));
    patterns.delete(own);
    if (patterns.size === 0) return undefined;
    const streams = [...patterns].flatMap((pattern) => (pattern === undefined ? [] : [patternHash(pattern)]));
    return { streams, hasUnkept: own === undefined || patterns.has(undefined) };
  }

  /** Publishes a message of a topic that this node keeps no stream of. */
  publishUnkept(nats: NatsConnection, topic: string, message: Uint8Array, kind: Kind, { streams }: Elsewhere): void {
    const { body, from, key } = parcelOf(message, kind);
    nats.publish(bridgedSubject(this.prefix, topic), writeParcel(body, from, key));
    const about = { ...(from !== undefined && { from }), ...(key !== undefined && { key }) };
    const record = writeRecord({ is: 'publish', ...about }, body);
    for (const hash of streams) nats.publish(historySubject(this.prefix, hash, 'in', topic), record);
  }
}

/** What decides where topics are kept; how much of them, all nodes of a stream agree on. */
function patternsOf(rules: readonly HistoryRule[]): string {
  return rules.map(({ pattern }) => pattern).join('\n');
}

function parcelOf(message: Uint8Array, kind: Kind): Parcel {
  if (kind === Kind.envelope) return readParcel(message);
  const isText = kind === Kind.text;
  const body = isText ? textBody(Buffer.from(message).toString()) : binaryBody(message);
  return { body, from: undefined, key: undefined };
}
