// The NATS streams of --history and --state, one for each rule. Those of --state keep the last message of each key.
// While nodes have different limits for a rule, its stream has the widest, so that a change made node by node drops
// nothing that some node still promises.
import type { JetStreamManager, StreamConfig } from '@nats-io/jetstream';
import type { KeptRule } from '../config/state-rules.js';
import { DEDUP_MS } from '../protocol/publish-id.js';
import { keptBy, type NodeRules } from './rules.js';
import { historySubject, ruleHash } from './subject.js';

/** JetStream's error code if the stream already exists with another configuration. */
const STREAM_EXISTS = 10058;

export interface StreamsOptions {
  readonly prefix: string;
  readonly rules: readonly KeptRule[];
  /** For all streams of --history together, and for all of --state. */
  readonly maxBytes: number;
  readonly stateMaxBytes: number;
  /** On how many NATS servers each stream is kept. */
  readonly replicas: number;
}

/** A rule and its stream. */
export interface RuleStream extends KeptRule {
  readonly hash: string;
  readonly stream: string;
  epoch: string;
}

type Config = Partial<StreamConfig> & { readonly name: string };

export class HistoryStreams {
  readonly kept: readonly RuleStream[];
  /** The configuration last asked for, as JSON, by stream. */
  private readonly asked = new Map<string, string>();

  /** @param others the rules of the other nodes */
  constructor(
    private readonly options: StreamsOptions,
    private readonly others: () => readonly NodeRules[],
  ) {
    this.kept = options.rules.map((rule) => {
      const hash = ruleHash(rule);
      const kind = rule.isState ? 'STATE' : 'HISTORY';
      return { ...rule, hash, stream: `${options.prefix.replaceAll('.', '_')}_${kind}_${hash}`, epoch: '' };
    });
  }

  /** Makes the streams, or gives them the limits that they should have. */
  async ensure(manager: JetStreamManager): Promise<void> {
    for (const kept of this.kept) await this.ensureOne(manager, kept);
  }

  /** Updates the streams whose limits have changed since the rules of other nodes changed. */
  async adapt(manager: JetStreamManager): Promise<void> {
    for (const kept of this.kept) {
      if (JSON.stringify(this.configOf(kept)) !== this.asked.get(kept.stream)) await this.ensureOne(manager, kept);
    }
  }

  private async ensureOne(manager: JetStreamManager, kept: RuleStream): Promise<void> {
    const config = this.configOf(kept);
    this.asked.set(kept.stream, JSON.stringify(config));
    const { created } = await manager.streams.add(config).catch((error: { code?: number }) => {
      if (error.code !== STREAM_EXISTS) throw error;
      return manager.streams.update(kept.stream, config);
    });
    kept.epoch = `${Date.parse(created).toString(36)}.${kept.hash}`;
  }

  private configOf(kept: RuleStream): Config {
    const { hash, stream, maxMessages, ttlMs, isState = false } = kept;
    const { prefix, rules, maxBytes, stateMaxBytes, replicas } = this.options;
    const share = (bytes: number, of: readonly KeptRule[]): number =>
      Math.floor(bytes / of.filter((rule) => (rule.isState ?? false) === isState).length);
    const wide = { maxMessages, ttlMs, maxBytes: share(isState ? stateMaxBytes : maxBytes, rules), replicas };
    for (const other of this.others()) {
      const theirs = keptBy(other);
      const same = theirs.find((rule) => ruleHash(rule) === hash);
      if (same === undefined) continue;
      wide.maxMessages = Math.max(wide.maxMessages, same.maxMessages);
      wide.ttlMs = Math.max(wide.ttlMs, same.ttlMs);
      wide.maxBytes = Math.max(wide.maxBytes, share(isState ? other.stateMaxBytes : other.historyMaxBytes, theirs));
      wide.replicas = Math.max(wide.replicas, other.historyReplicas);
    }
    const subject = historySubject(prefix, hash, 'in', '');
    return {
      name: stream,
      subjects: [`${subject}>`],
      max_msgs_per_subject: isState ? 1 : wide.maxMessages,
      max_age: wide.ttlMs === Number.POSITIVE_INFINITY ? 0 : wide.ttlMs * 1e6,
      max_bytes: wide.maxBytes,
      num_replicas: wide.replicas,
      duplicate_window: Math.min(DEDUP_MS, wide.ttlMs) * 1e6,
      republish: { src: `${subject}>`, dest: `${historySubject(prefix, hash, 'out', '')}>` },
    };
  }
}
