// The topics of a relay and all that happens in them: who is in, who hears a publish, history, presence and fanwire.v1
// sessions.
import { compilePatterns } from '../auth/permissions.js';
import type { Bus } from '../bus/bus.js';
import { parseDeliverRules } from '../config/deliver-rules.js';
import { parseHistoryRules } from '../config/history-rules.js';
import type { RelayConfig } from '../config/schema.js';
import { keptRules, newestBy, parseStateRules } from '../config/state-rules.js';
import { drainFrame } from '../protocol/frames.js';
import type { Limits } from '../protocol/ops.js';
import { utf8 } from './bytes.js';
import type { Company } from './company.js';
import { Windows } from './deliver/windows.js';
import { Exchange } from './exchange.js';
import type { Connection, Topic } from './fanout/audience.js';
import type { FanOut } from './fanout/fanout.js';
import { FirstMessages } from './fanout/first-messages.js';
import { attach } from './fanout/membership.js';
import { TopicTable } from './fanout/topic-table.js';
import { MemoryHistory } from './history/memory.js';
import { PastReads } from './history/past-reads.js';
import { RecentPublishes } from './history/recent-publishes.js';
import { Sequencer } from './history/sequencer.js';
import { Announcements } from './session/announcements.js';
import { Memberships } from './session/memberships.js';
import { Presence } from './session/presence.js';
import { Session, type SessionContext } from './session/session.js';

/** How often expired messages are removed if nothing is published meanwhile. */
const EXPIRE_EVERY_MS = 1000;

type Shared = Pick<SessionContext, 'authenticator' | 'expiry' | 'guard' | 'cuts' | 'counters' | 'ops'> & {
  readonly connections: ReadonlyMap<string, Connection>;
};

export class TopicLayer {
  readonly topics: TopicTable;
  readonly exchange: Exchange;
  readonly presence: Presence;
  /** Holds back the first messages of new raw sockets. */
  readonly first = new FirstMessages((sender, message, isBinary) =>
    this.publishRaw(sender, message, isBinary, message.length),
  );
  /** Undefined if no topic is kept. */
  readonly history: MemoryHistory | undefined;
  /** Reads the past of topics for clients that are not subscribed. */
  readonly past: PastReads;
  private readonly sequencer: Sequencer | undefined;
  readonly windows: Windows;
  /** The ways to other threads and nodes, with what waits in windows before them. */
  readonly bus: Bus;
  private readonly memberships: Memberships;
  private readonly context: SessionContext;
  private readonly expiring: NodeJS.Timeout | undefined;

  /** Throws FanwireError for --history, --state and --presence that cannot be read. */
  constructor(
    config: RelayConfig,
    fanOut: FanOut,
    { bus, threads, idPrefix, heirTo }: Pick<Company, 'bus' | 'threads' | 'idPrefix' | 'heirTo'>,
    shared: Shared,
  ) {
    const rules = keptRules(parseHistoryRules(config.history), parseStateRules(config.state));
    const deliverRules = parseDeliverRules(config.deliver);
    const recent = new RecentPublishes();
    // Each thread keeps its own topics and copies of others: together they stay within the limit.
    const share = (maxBytes: number): number => maxBytes / config.workers;
    this.history =
      rules.length === 0
        ? undefined
        : new MemoryHistory(rules, share(config.historyMaxBytes), undefined, {
            stateMaxBytes: share(config.stateMaxBytes),
            newestBy: (topic, isState) => newestBy(deliverRules, topic, isState),
            evicted: () => shared.counters.stateEvicted++,
          });
    const presence = compilePatterns(config.presence, '--presence');
    const hasPresence = (topic: string): boolean => presence.matches(topic);
    const { counters } = shared;
    this.windows = new Windows(deliverRules, {
      fanOut,
      counters,
      maxBytes: config.maxBackpressureBytes >>> 1, // half of a socket's limit: one window must not make it a slow consumer
    });
    const { deliveryOf, newCrossings, publishClock } = this.windows;
    this.sequencer = this.history && new Sequencer(this.history, threads, recent, newCrossings, heirTo, publishClock);
    this.topics = new TopicTable(config.maxTopics, { history: this.sequencer, hasPresence, deliveryOf, interest: bus });
    this.past = new PastReads(this.topics);
    this.presence = new Presence(new Announcements(fanOut), bus, this.topics, idPrefix);
    this.bus = this.windows.conflating(bus);
    this.exchange = new Exchange(
      fanOut,
      this.topics,
      this.bus,
      shared.connections,
      this.sequencer,
      recent,
      this.presence,
    );
    const { maxBackpressureBytes, maxTopicsPerConnection } = config;
    this.memberships = new Memberships(
      maxBackpressureBytes,
      this.topics,
      this.windows,
      fanOut,
      this.presence,
      counters,
    );
    const { topics, exchange, memberships } = this;
    this.context = {
      ...shared,
      topics,
      presence: this.presence,
      exchange,
      memberships,
      limits: limitsOf(config),
      maxTopicsPerConnection,
      maxBackpressureBytes,
    };
    const { numbered, overtaken, unowned } = exchange;
    this.sequencer?.start({ numbered, overtaken, unowned, broken: (topic) => memberships.broken(topic) });
    this.expiring = this.history && setInterval(() => this.history?.expire(), EXPIRE_EVERY_MS).unref();
  }

  /** Resolves once other threads have sent what they have of the states of this thread's predecessor. */
  async inherited(): Promise<void> {
    await this.sequencer?.inheritance.complete;
  }

  /** Whether --history or --state numbers and keeps the topic's messages. */
  keeps(topic: string): boolean {
    return this.sequencer?.keeps(topic) ?? false;
  }

  /** Passes on `size` bytes that a raw socket sent: the hot path. */
  publishRaw(sender: Connection, message: ArrayBuffer | Uint8Array, isBinary: boolean, size: number): void {
    const { counters } = this.context;
    sender.published++;
    counters.published++;
    counters.publishedBytes += size;
    this.exchange.publishRaw(sender.topic as Topic, sender, message, isBinary, size);
  }

  /** A socket has opened: a raw one joins its topic, an enveloped one gets its session. */
  opened(connection: Connection): void {
    const { topic } = connection;
    if (topic === undefined) {
      const session = new Session(connection, this.context);
      connection.session = session;
      session.greet();
      return;
    }
    const { history } = topic;
    if (history !== undefined && (connection.rewind ?? history.isState)) {
      this.memberships.enter(connection, topic, history);
    } else {
      connection.lane = this.windows.laneFor(topic, connection.everyMs);
      if (connection.lane === undefined) attach(connection, topic.raw);
      else connection.lane.join(connection, 'raw');
    }
    this.presence.join(topic, connection);
  }

  /** A socket has closed: it leaves its topics. */
  closed(connection: Connection): void {
    const { topic, session } = connection;
    session?.closed();
    if (topic === undefined) return;
    if (connection.ownSeqs === undefined || !this.memberships.abandon(connection)) {
      if (connection.lane === undefined) topic.raw.subscribers.delete(connection);
      else connection.lane.leave(connection, 'raw');
    }
    this.presence.leave(topic, connection);
    this.topics.releaseIfEmpty(topic);
  }

  onDrain(connection: Connection): void {
    this.windows.onDrain(connection);
    if (connection.session !== undefined || connection.ownSeqs !== undefined) this.memberships.onDrain(connection);
  }

  /** Tells enveloped sockets to come back elsewhere, each at its own time within `overMs`. */
  announceDrain(connections: Iterable<Connection>, overMs: number): void {
    for (const { session, ws } of connections) {
      if (session !== undefined) ws?.send(utf8(drainFrame(Math.round(Math.random() * overMs))), false);
    }
  }

  /** Sends what is held back or waits in windows, before sockets are closed. */
  endWindows(): void {
    this.first.release();
    this.windows.endAll();
  }

  stop(): void {
    this.windows.stop();
    this.past.stop();
    clearInterval(this.expiring);
    this.sequencer?.stop();
    this.presence.stop();
  }
}

/** The limits that each client is told; those that are off are left out. */
function limitsOf({ maxPayloadBytes, maxPublishRate, maxPublishBytesPerSecond, maxOpRate }: RelayConfig): Limits {
  return {
    maxPayload: maxPayloadBytes,
    ...(maxPublishRate > 0 && { publishesPerS: maxPublishRate }),
    ...(maxPublishBytesPerSecond > 0 && { publishBytesPerS: maxPublishBytesPerSecond }),
    ...(maxOpRate > 0 && { opsPerS: maxOpRate }),
  };
}
