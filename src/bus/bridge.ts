// Bridges nodes that keep different topics, as while --history is changed node by node. A message goes to every stream
// that some node reads the topic from, and in addition, marked, to nodes that keep no stream of it. Each node listens
// to one of these, so it gets each message once.
import type { NatsConnection } from '@nats-io/transport-node';
import type { KeptRule } from '../config/state-rules.js';
import { ruleFor } from '../config/topic-rules.js';
import { binaryBody, textBody } from '../protocol/frames.js';
import { type Parcel, readParcel, writeParcel } from '../protocol/parcel.js';
import { writeRecord } from '../protocol/sequence-record.js';
import { CrossingKind } from './bus.js';
import { keptBy, type NodeRules } from './rules.js';
import { bridgedSubject, historySubject, ruleHash, stateSubject } from './subject.js';

/** The key by which a topic's state keeps a message, which was published with `key`. */
export type StateKey = (topic: string, key: string | undefined, body: string) => string;

/** Where else a message must go. */
export interface Elsewhere {
  /** Other nodes' rules for the topic, each with a stream of its own. */
  readonly streams: readonly KeptRule[];
  /** Whether some node keeps no stream of the topic. */
  readonly hasUnkept: boolean;
}

export class Bridge {
  /** The other nodes' rules, as far as they keep other topics than this node; usually empty. */
  private others: readonly (readonly KeptRule[])[] = [];

  /** @param own the rules of this node */
  constructor(
    private readonly prefix: string,
    private readonly own: readonly KeptRule[],
    readonly keyOf: StateKey,
  ) {}

  /** The rules of the other nodes have changed. */
  update(others: readonly NodeRules[]): void {
    const own = patternsOf(this.own);
    const byPatterns = new Map(others.map(keptBy).map((rules) => [patternsOf(rules), rules]));
    byPatterns.delete(own);
    this.others = [...byPatterns.values()];
  }

  /** Whether this node gets the topic from a stream. */
  keeps(topic: string): boolean {
    return ruleFor(this.own, topic) !== undefined;
  }

  /** Undefined if all nodes use the same rule for the topic. */
  elsewhere(topic: string): Elsewhere | undefined {
    if (this.others.length === 0) return undefined;
    const own = ruleFor(this.own, topic);
    const ownHash = own && ruleHash(own);
    const streams = new Map<string, KeptRule>();
    let hasUnkept = false;
    for (const rules of this.others) {
      const rule = ruleFor(rules, topic);
      if (rule === undefined) hasUnkept = true;
      else if (ruleHash(rule) !== ownHash) streams.set(ruleHash(rule), rule);
    }
    if (streams.size === 0 && (!hasUnkept || own === undefined)) return undefined;
    return { streams: [...streams.values()], hasUnkept: own === undefined || hasUnkept };
  }

  /** The subject for a message in the stream of a rule. */
  subjectIn(rule: KeptRule, topic: string, key: string | undefined, body: string): string {
    const hash = ruleHash(rule);
    if (!rule.isState) return historySubject(this.prefix, hash, 'in', topic);
    return stateSubject(this.prefix, hash, 'in', topic, this.keyOf(topic, key, body));
  }

  /** Publishes a message of a topic that this node keeps no stream of. */
  publishUnkept(
    nats: NatsConnection,
    topic: string,
    message: Uint8Array,
    kind: CrossingKind,
    { streams }: Elsewhere,
  ): void {
    const { body, from, key, replaced, atMs } = parcelOf(message, kind);
    nats.publish(bridgedSubject(this.prefix, topic), writeParcel(body, from, key, replaced, atMs));
    const about = { ...(from !== undefined && { from }), ...(key !== undefined && { key }) };
    const record = writeRecord({ is: 'publish', ...about }, body);
    for (const rule of streams) nats.publish(this.subjectIn(rule, topic, key, body), record);
  }
}

/** Identifies which topics are kept. Limits are left out: all nodes of a stream agree on those. */
function patternsOf(rules: readonly KeptRule[]): string {
  return rules.map(ruleHash).join(' ');
}

function parcelOf(message: Uint8Array, kind: CrossingKind): Parcel {
  if (kind === CrossingKind.envelope) return readParcel(message);
  const isText = kind === CrossingKind.text;
  const body = isText ? textBody(Buffer.from(message).toString()) : binaryBody(message);
  return { body, from: undefined, key: undefined, replaced: 0, atMs: undefined };
}
