// What an administrator may ask of a relay, and the answers of this process's own relay. All answers are plain data:
// with several workers each answers for itself, and the admin listener combines them.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Bus, BusStatus } from '../../bus/bus.js';
import type { RelayConfig } from '../../config/schema.js';
import { SUBPROTOCOL } from '../../protocol/envelope.js';
import type { Admission } from '../door/admission.js';
import type { FileLimit } from '../door/file-limit.js';
import type { Connection } from '../fanout/audience.js';
import type { SlowConsumers } from '../fanout/slow.js';
import type { TopicTable } from '../fanout/topic-table.js';
import type { KeptCounts } from '../history/history.js';
import { type Counters, countsBy } from './counters.js';
import { LoopLag } from './loop-lag.js';
import type { RelayStats } from './stats.js';

export interface TopicInfo {
  readonly topic: string;
  readonly subscribers: number;
  readonly published: number;
  /** Over the last 1 to 10 seconds; undefined unless topics were asked for by rate. */
  readonly messagesPerSecond?: number;
}

export interface ConnectionInfo {
  readonly id: string;
  readonly address: string;
  readonly user: string | undefined;
  /** `raw` or `fanwire.v1`. */
  readonly protocol: string;
  /** The first topics it subscribes to, and how many there are. */
  readonly topics: readonly string[];
  readonly topicCount: number;
  readonly openedAt: string | undefined;
  readonly expiresAt: string | undefined;
  readonly published: number;
  readonly dropped: number;
  readonly bufferedBytes: number;
  readonly lagging: boolean;
}

export interface ConnectionQuery {
  readonly limit: number;
  /** The id after which the page begins; undefined for the first. */
  readonly after: string | undefined;
  /** Only connections that match; undefined matches all. */
  readonly user: string | undefined;
  readonly address: string | undefined;
  readonly topic: string | undefined;
}

export interface ConnectionPage {
  readonly connections: readonly ConnectionInfo[];
  /** `after` of the next page; undefined on the last. */
  readonly next: string | undefined;
}

export type TopicOrder = 'subscribers' | 'rate';

export interface Inspection {
  /** The port that the relay listens on, also if any free one was asked for. */
  readonly port: number;
  /** Workers that died and were restarted. */
  readonly workerRestarts: number;
  /** What crosses between this node and others; undefined without --cluster. */
  readonly cluster: BusStatus | undefined;
  /** One entry a worker. */
  stats(): Promise<readonly RelayStats[]>;
  /** Why no new clients should be sent here; empty when they should. */
  notReady(): Promise<readonly string[]>;
  /** The first `limit` topics in the given order. By rate it may take a second. */
  topics(order: TopicOrder, limit: number): Promise<readonly TopicInfo[]>;
  connections(query: ConnectionQuery): Promise<ConnectionPage>;
  /** Closes a connection with 1008; false if there is none with that id. */
  kick(id: string): Promise<boolean>;
}

/** What an inspection reads of a relay. */
export interface Inspected {
  readonly port: number;
  readonly counters: Counters;
  readonly topics: TopicTable;
  readonly connections: ReadonlyMap<string, Connection>;
  readonly slow: Pick<SlowConsumers, 'droppedMessages' | 'droppedBy' | 'unsentTo' | 'laggingNow'>;
  readonly bus: Pick<Bus, 'status'>;
  readonly admission: Pick<Admission, 'connections' | 'isFull'>;
  readonly fileLimit: Pick<FileLimit, 'isReached' | 'openFiles'>;
  /** What is kept of topics. */
  keptCounts(): KeptCounts;
  /** Whether new clients should go elsewhere: a drain has begun, or is about to. */
  isLeaving(): boolean;
  /** Closes a connection on an administrator's request; false if there is none with that id. */
  kick(id: string): boolean;
}

/** Topics or connections visited before the loop gets a turn, about 2 ms. */
const VISITS_PER_TURN = 20_000;
/** How many topics the list of connections shows for each. */
const LISTED_TOPICS = 10;
/** A rate is measured over at least one second, and its start is not older than ten. */
const MIN_RATE_MS = 1000;
const MAX_RATE_MS = 10_000;

export class LocalInspection implements Inspection {
  readonly workerRestarts = 0;
  readonly cluster = undefined;
  private readonly startedAtMs = Date.now();
  private readonly lag = new LoopLag();
  private ratesFromMs = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly relay: Inspected,
    private readonly config: Pick<RelayConfig, 'maxConnections' | 'maxLoopLagMs'>,
    private readonly worker = 0,
  ) {}

  get port(): number {
    return this.relay.port;
  }

  async stats(): Promise<readonly RelayStats[]> {
    const { counters, connections, topics, slow, bus } = this.relay;
    const { forwarded, received, lost } = bus.status();
    return [
      {
        ...countsBy((name) => counters[name]),
        worker: this.worker,
        startedAtMs: this.startedAtMs,
        connections: connections.size,
        handshakes: Math.max(0, this.relay.admission.connections - connections.size),
        topics: topics.size,
        dropped: slow.droppedMessages(),
        lagging: slow.laggingNow,
        rejected: { ...counters.rejected },
        cut: { ...counters.cut },
        refused: Object.fromEntries(counters.refused),
        recoveries: { ...counters.recoveries },
        ...this.relay.keptCounts(),
        crossed: { forwarded, received, lost },
        fanOut: counters.fanOut.toJSON(),
        publishToFlushUs: counters.publishToFlushUs.toJSON(),
        loopLagMs: Math.round(this.lag.worstMs),
      },
    ];
  }

  async notReady(): Promise<readonly string[]> {
    const { maxConnections, maxLoopLagMs } = this.config;
    const reasons: string[] = [];
    if (this.relay.isLeaving()) reasons.push('draining');
    if (this.relay.admission.isFull) reasons.push(`all ${maxConnections} connections are taken`);
    const { fileLimit } = this.relay;
    if (fileLimit.isReached) reasons.push(`the open-file limit of ${fileLimit.openFiles} allows no more sockets`);
    const lagMs = Math.round(this.lag.worstMs);
    if (maxLoopLagMs > 0 && lagMs > maxLoopLagMs) reasons.push(`the event loop lags ${lagMs} ms, over ${maxLoopLagMs}`);
    return reasons;
  }

  async topics(order: TopicOrder, limit: number): Promise<readonly TopicInfo[]> {
    if (order === 'subscribers') {
      return this.topTopics(limit, (topic) => topic.subscribers);
    }
    if (performance.now() - this.ratesFromMs > MAX_RATE_MS) {
      await this.markRates();
      await sleep(MIN_RATE_MS);
    }
    const seconds = (performance.now() - this.ratesFromMs) / 1000;
    const rate = (topic: TopicLike): number => Math.max(0, topic.published - topic.ratedPublished) / seconds;
    const top = await this.topTopics(limit, rate, (topic) => Math.round(rate(topic) * 10) / 10);
    if (seconds * 1000 >= MIN_RATE_MS) await this.markRates();
    return top;
  }

  async connections(query: ConnectionQuery): Promise<ConnectionPage> {
    const after = query.after === undefined ? 0 : ordinal(query.after);
    const page: ConnectionInfo[] = [];
    // Ids rise, and the map keeps their order. The map may change meanwhile, which its iterator allows.
    let next: string | undefined;
    await visitInTurns(this.relay.connections.values(), (connection) => {
      if (ordinal(connection.id) <= after || !matches(connection, query)) return true;
      if (page.length === query.limit) next = page.at(-1)?.id;
      else page.push(this.connectionInfo(connection));
      return next === undefined;
    });
    return { connections: page, next };
  }

  async kick(id: string): Promise<boolean> {
    return this.relay.kick(id);
  }

  stop(): void {
    this.lag.stop();
  }

  private connectionInfo(connection: Connection): ConnectionInfo {
    const { id, remoteAddress, identity, openedAtMs, published } = connection;
    const topics = topicsOf(connection);
    return {
      id,
      address: remoteAddress,
      user: identity.user,
      protocol: connection.session === undefined ? 'raw' : SUBPROTOCOL,
      topics: topics.slice(0, LISTED_TOPICS),
      topicCount: topics.length,
      openedAt: isoTime(openedAtMs),
      expiresAt: isoTime(identity.expiresAtMs),
      published,
      dropped: this.relay.slow.droppedBy(connection),
      bufferedBytes: this.relay.slow.unsentTo(connection),
      lagging: connection.lag?.isLosing === true,
    };
  }

  private async markRates(): Promise<void> {
    this.ratesFromMs = performance.now();
    await visitInTurns(this.relay.topics.values(), (topic) => {
      topic.ratedPublished = topic.published;
      return true;
    });
  }

  private async topTopics(
    limit: number,
    weight: (topic: TopicLike) => number,
    rate?: (topic: TopicLike) => number,
  ): Promise<readonly TopicInfo[]> {
    let top: { info: TopicInfo; weight: number }[] = [];
    let least = Number.NEGATIVE_INFINITY;
    const keepTop = (): void => {
      top = top.sort((one, other) => other.weight - one.weight).slice(0, limit);
      if (top.length === limit) least = top.at(-1)?.weight ?? least;
    };
    await visitInTurns(this.relay.topics.values(), (topic) => {
      const weighed = weight(topic);
      if (weighed <= least) return true;
      const { name, subscribers, published } = topic;
      const info = { topic: name, subscribers, published };
      top.push({ info: rate ? { ...info, messagesPerSecond: rate(topic) } : info, weight: weighed });
      if (top.length === 2 * limit) keepTop();
      return true;
    });
    keepTop();
    return top.map(({ info }) => info);
  }
}

/** Connections of a relay are numbered; among workers the number has a prefix (`3-17`). */
function ordinal(id: string): number {
  return Number(id.slice(id.lastIndexOf('-') + 1));
}

/** What the ranking needs of a topic. */
interface TopicLike {
  readonly name: string;
  readonly subscribers: number;
  readonly published: number;
  ratedPublished: number;
}

const LATEST_DATE_MS = 8.64e15;

/** A token may expire later than a Date can represent; that counts as never. */
function isoTime(unixMs: number | undefined): string | undefined {
  return unixMs === undefined || unixMs > LATEST_DATE_MS ? undefined : new Date(unixMs).toISOString();
}

/** The topics a connection subscribes to. */
function topicsOf({ topic, session }: Connection): readonly string[] {
  return topic === undefined ? (session?.topicNames ?? []) : [topic.name];
}

function matches(connection: Connection, query: ConnectionQuery): boolean {
  const { identity, remoteAddress } = connection;
  if (query.user !== undefined && identity.user !== query.user) return false;
  if (query.address !== undefined && remoteAddress !== query.address) return false;
  return query.topic === undefined || topicsOf(connection).includes(query.topic);
}

/** Visits `all` without holding the loop for long: a relay may have a million topics. Ends when `visit` returns
 *  false. */
async function visitInTurns<T>(all: Iterable<T>, visit: (each: T) => boolean): Promise<void> {
  let visits = 0;
  for (const each of all) {
    if (!visit(each)) return;
    if (++visits % VISITS_PER_TURN === 0) await sleep(0);
  }
}
