// History over a cluster: a NATS JetStream stream for each rule numbers and keeps the messages of its topics, so that a
// node's death loses none. A publish goes to the stream; NATS republishes it, numbered, to every node with subscribers
// of the topic. The numbers are the stream's, so those of one topic rise with gaps; each message says which came before
// it in its topic.
import { createHash } from 'node:crypto';
import { type JetStreamClient, type JetStreamManager, jetstream, jetstreamManager } from '@nats-io/jetstream';
import type { Msg, NatsConnection, Subscription } from '@nats-io/transport-node';
import { FanwireError } from '../base/error.js';
import { type SampledWarnings, sampledWarnings } from '../base/log.js';
import { ruleFor } from '../config/topic-rules.js';
import { writeParcel } from '../protocol/parcel.js';
import { DEDUP_MS, publishKey } from '../protocol/publish-id.js';
import { readRecord, type SequenceRecord, writeRecord } from '../protocol/sequence-record.js';
import type { Elsewhere } from './bridge.js';
import { HeardStates } from './heard-states.js';
import { JetStreamAnswers, type KeptIn, type Reply } from './jetstream-answers.js';
import type { JetStreamOptions, OwnerOutput } from './jetstream-options.js';
import { JetStreamReader } from './jetstream-reader.js';
import { HistoryStreams, type RuleStream } from './jetstream-streams.js';
import type { NatsObserver } from './nats-bus-options.js';
import { StatesMeanwhile } from './states-meanwhile.js';
import { bridgedSubject, historySubject, stateSubject } from './subject.js';

/** How many publishes may wait for a stream's answer. More go out unnumbered, as all do while NATS is away. */
const MAX_WAITING = 20_000;
/** How long a stream may take to answer. */
const TIMEOUT_MS = 5000;
/** Subtracted from how long a stream remembers ids, since a publish takes a while to reach it. */
const DEDUP_MARGIN_MS = 5000;
/** How soon to try again if the streams could not be made. */
const RETRY_MS = 2000;

type Publish = Extract<SequenceRecord, { is: 'publish' }>;

export class JetStreamOwner implements NatsObserver {
  /** Messages that a stream did not answer for: they may have been kept. */
  unconfirmed = 0;
  /** Messages of histories that only this node's subscribers got. */
  private unkept = 0;
  output: OwnerOutput = { send: () => {}, doubt: () => {} };
  private readonly streams: HistoryStreams;
  private readonly kept: readonly RuleStream[];
  private readonly warnings: SampledWarnings;
  private readonly live = new Map<string, Subscription | undefined>();
  private readonly states: HeardStates;
  private readonly meanwhile: StatesMeanwhile;
  private readonly answers: JetStreamAnswers;
  private nats: NatsConnection | undefined;
  private client: JetStreamClient | undefined;
  private manager: JetStreamManager | undefined;
  /** Defined while the streams are ready. */
  private reader: JetStreamReader | undefined;
  /** Counts connections and their ends: what was begun in an earlier one is void. */
  private round = 0;
  private prepared: Promise<void> | undefined;
  private retry: NodeJS.Timeout | undefined;
  private waiting = 0;

  constructor(private readonly options: JetStreamOptions) {
    this.warnings = sampledWarnings(options.log);
    const { nodes } = options;
    this.streams = new HistoryStreams(options, () => nodes?.others ?? []);
    this.kept = this.streams.kept;
    this.states = new HeardStates(options.windowOf);
    this.answers = new JetStreamAnswers(this.warnings, (reader) => reader === this.reader);
    this.meanwhile = new StatesMeanwhile(options.stateMaxBytes, ({ message: reason }) => {
      this.warnings.warn('what was published to states while NATS was away is kept later', { reason });
      setTimeout(() => this.publishMeanwhile(), RETRY_MS).unref();
    });
    nodes?.attend({ rulesChanged: () => void this.adapt() });
  }

  /** Connected to NATS, for the first time or again. */
  connected(nats: NatsConnection): void {
    const isOther = this.nats !== nats;
    this.nats = nats;
    if (isOther) for (const topic of this.live.keys()) this.live.set(topic, this.follow(nats, topic));
    this.prepared = this.prepare(nats);
    this.prepared.catch((error: Error) => {
      if (this.nats !== nats) return;
      this.warnings.warn('history is not kept', { reason: error.message });
      this.retry = setTimeout(() => this.connected(nats), RETRY_MS).unref();
    });
  }

  /** @throws FanwireError FANWIRE_CLUSTER_HISTORY where NATS is there and keeps no streams */
  async ready(): Promise<void> {
    await this.prepared;
  }

  /** Messages that only this node's subscribers got, since NATS was away or its streams were not ready yet. The newest
   *  of each key of a state is not among them: it goes to the others later. */
  get lost(): number {
    return this.unkept + this.meanwhile.lost;
  }

  /** Whether the streams are ready. */
  get isReady(): boolean {
    return this.reader !== undefined;
  }

  private async prepare(nats: NatsConnection): Promise<void> {
    clearTimeout(this.retry);
    const round = ++this.round;
    try {
      const client = jetstream(nats, { timeout: TIMEOUT_MS });
      const manager = await jetstreamManager(nats, { timeout: TIMEOUT_MS });
      await this.options.nodes?.asked; // the streams need the other nodes' limits
      await this.streams.ensure(manager);
      if (round !== this.round) return; // NATS went away meanwhile
      this.client = client;
      this.manager = manager;
      this.reader = new JetStreamReader(nats, client, manager);
    } catch (error) {
      if (round !== this.round) return;
      const reason = (error as Error).message;
      const option = this.kept.some(({ isState }) => !isState) ? '--history' : '--state';
      const message = `${option} with --cluster needs JetStream at NATS (nats-server -js): ${reason}`;
      throw new FanwireError('FANWIRE_CLUSTER_HISTORY', message);
    }
    this.output.doubt();
    this.publishMeanwhile();
  }

  disconnected(): void {
    clearTimeout(this.retry);
    this.states.doubt();
    this.round++;
    const { reader } = this;
    this.reader = undefined;
    reader?.stop();
  }

  /** Takes a record for the owner of `topic`; answers go to `reply`. */
  take(topic: string, bytes: Uint8Array, reply: Reply): void {
    const { record, body } = readRecord(bytes);
    if (record.is === 'publish') void this.publish(topic, record, body, reply);
    else if (record.is === 'ask' || record.is === 'where') {
      if (record.is === 'ask') this.subscribe(topic);
      void this.answers.answer(this.reader, this.placeOf(topic), topic, record, reply);
    }
  }

  subscribe(topic: string): void {
    if (this.live.get(topic) !== undefined || ruleFor(this.kept, topic) === undefined) return;
    this.live.set(topic, this.nats === undefined ? undefined : this.follow(this.nats, topic));
  }

  /** Nobody on this node wants the topic any more. */
  unsubscribe(topic: string): void {
    this.live.get(topic)?.unsubscribe();
    this.live.delete(topic);
    this.states.forget(topic);
  }

  private async publish(topic: string, record: Publish, body: string, reply: Reply): Promise<void> {
    const kept = ruleFor(this.kept, topic);
    const acknowledge = (seq?: number): void => {
      if (record.ack === undefined) return;
      reply(writeRecord({ is: 'ack', ack: record.ack, ...(seq !== undefined && { seq }) }));
    };
    const { repeat, pid } = record;
    const { client } = this;
    const { bridge } = this.options;
    const subject = kept && bridge.subjectIn(kept, topic, record.key, body);
    const newest = subject === undefined ? record : this.states.toPublish(topic, subject, record);
    if (newest === undefined) return;
    const { repeat: _repeat, ack: _ack, ...published } = newest;
    const canKeep =
      subject !== undefined && client !== undefined && this.reader !== undefined && this.waiting < MAX_WAITING;
    const knownMs = Math.min(DEDUP_MS, kept?.ttlMs ?? 0) - DEDUP_MARGIN_MS;
    if (repeat !== undefined && !(canKeep && repeat < knownMs)) return acknowledge(); // it may be kept already
    if (!canKeep) {
      this.sendUnnumbered(topic, record, body);
      if (kept?.isState) this.keepMeanwhile(kept, topic, published, body);
      else this.unkept++;
      return acknowledge(0);
    }
    this.waiting++;
    try {
      const bytes = writeRecord(published, body);
      const options = pid === undefined ? {} : { msgID: hashOf(publishKey(topic, record.from, pid)) };
      this.meanwhile.superseded(subject);
      const elsewhere = bridge.elsewhere(topic);
      const bridged = elsewhere && this.publishElsewhere(client, topic, record, body, bytes, options, elsewhere);
      const { seq } = await client.publish(subject, bytes, options);
      await bridged;
      acknowledge(seq);
    } catch (error) {
      // It may have been kept, and then reaches everybody; sending it unnumbered could send it twice.
      this.unconfirmed++;
      this.warnings.warn('history: a publish was not confirmed', { topic, reason: (error as Error).message });
      acknowledge();
    } finally {
      this.waiting--;
      if (this.meanwhile.size > 0 && this.waiting < MAX_WAITING / 2) this.publishMeanwhile();
    }
  }

  /** Publishes for nodes that use another rule for the topic. What does not reach them is counted, but is no error for
   *  the publisher: the message was published here. */
  private async publishElsewhere(
    client: JetStreamClient,
    topic: string,
    { from, key }: Publish,
    body: string,
    bytes: Uint8Array,
    options: { readonly msgID?: string },
    { streams, hasUnkept }: Elsewhere,
  ): Promise<void> {
    if (hasUnkept) this.nats?.publish(bridgedSubject(this.options.prefix, topic), writeParcel(body, from, key));
    const { bridge } = this.options;
    const published = streams.map((rule) => client.publish(bridge.subjectIn(rule, topic, key, body), bytes, options));
    for (const outcome of await Promise.allSettled(published)) {
      if (outcome.status === 'fulfilled') continue;
      this.unconfirmed++;
      this.warnings.warn('history: a publish for nodes with another rule was not confirmed', { topic });
    }
  }

  /** The rules of other nodes have changed. */
  private async adapt(): Promise<void> {
    const { nats, reader } = this;
    if (nats === undefined || reader === undefined) return; // the streams are still to be made, then with these rules
    try {
      await this.streams.adapt(await jetstreamManager(nats, { timeout: TIMEOUT_MS }));
    } catch (error) {
      this.warnings.warn('history: the streams keep their limits', { reason: (error as Error).message });
    }
  }

  private keepMeanwhile(kept: RuleStream, topic: string, record: Publish, body: string): void {
    const { bridge } = this.options;
    const bytes = writeRecord(record, body);
    const published = (): void => {
      const elsewhere = bridge.elsewhere(topic);
      if (elsewhere === undefined || this.client === undefined) return;
      void this.publishElsewhere(this.client, topic, record, body, bytes, {}, elsewhere);
    };
    const subject = bridge.subjectIn(kept, topic, record.key, body);
    this.meanwhile.keep({ ...kept, subject, bytes, atMs: Date.now(), published });
  }

  /** Publishes the states that waited for their streams. */
  private publishMeanwhile(): void {
    const { client, manager, reader } = this;
    if (client === undefined || manager === undefined || reader === undefined) return;
    void this.meanwhile.publish(client, manager, () => reader === this.reader);
  }

  private sendUnnumbered(topic: string, { from, sender, key }: Publish, body: string): void {
    this.warnings.warn('history: NATS is away, messages are not kept', { topic });
    const about = {
      ...(from !== undefined && { from }),
      ...(sender !== undefined && { sender }),
      ...(key !== undefined && { key }),
    };
    this.output.send(topic, writeRecord({ is: 'unnumbered', ...about }, body));
  }

  private follow(nats: NatsConnection, topic: string): Subscription | undefined {
    const kept = ruleFor(this.kept, topic);
    if (kept === undefined) return undefined;
    if (kept.isState) this.states.follow(topic);
    return nats.subscribe(this.subject(kept, 'out', topic), {
      callback: (error, message) => {
        try {
          if (error === null) this.hear(kept, topic, message);
        } catch (unreadable) {
          this.warnings.warn('unreadable message from NATS', { topic, reason: (unreadable as Error).message });
        }
      },
    });
  }

  private hear(kept: RuleStream, topic: string, message: Msg): void {
    const { record, body } = readRecord(message.data);
    if (record.is !== 'publish') return;
    const { is: _, ...about } = record;
    const seq = Number(message.headers?.get('Nats-Sequence'));
    const after = kept.isState
      ? this.states.heard(topic, seq, message.subject, record.at)
      : Number(message.headers?.get('Nats-Last-Sequence'));
    this.output.send(topic, writeRecord({ is: 'numbered', epoch: kept.epoch, seq, after, ...about }, body));
  }

  private placeOf(topic: string): KeptIn | undefined {
    const kept = ruleFor(this.kept, topic);
    return kept && { stream: kept.stream, subject: this.subject(kept, 'in', topic), epoch: kept.epoch };
  }

  /** For a state: the subject of all its keys. */
  private subject({ hash, isState }: RuleStream, way: 'in' | 'out', topic: string): string {
    return (isState ? stateSubject : historySubject)(this.options.prefix, hash, way, topic);
  }
}

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
