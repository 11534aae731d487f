// What an administrator may ask, answered by all workers together.
import type {
  ConnectionInfo,
  ConnectionPage,
  ConnectionQuery,
  Inspection,
  TopicInfo,
  TopicOrder,
} from '../relay/watch/inspection.js';
import { type RelayStats, totalOf } from '../relay/watch/stats.js';
import type { Supervisor } from './supervisor.js';

/** A worker that does not answer within this time is busy or stuck; the others' answers do not wait for it. */
const ANSWER_MS = 3000;
/** Each worker ranks its own topics. Asking for this many times the topics wanted makes it likely that all workers
 *  name the same. */
const RANKED_PER_TOPIC = 4;

/** The last stats of a worker, and what its predecessors had counted when they died. */
interface Record {
  readonly last: RelayStats;
  readonly before: RelayStats | undefined;
}

export class WorkersInspection implements Inspection {
  readonly cluster = undefined;
  private readonly records = new Map<number, Record>();

  constructor(private readonly supervisor: Supervisor) {}

  get port(): number {
    return this.supervisor.port;
  }

  get workerRestarts(): number {
    return this.supervisor.restarts;
  }

  /** Counts continue from those of a worker that died: a sum that fell would look like a restart of the relay. */
  async stats(): Promise<readonly RelayStats[]> {
    const answers = await this.supervisor.ask(ANSWER_MS, 'stats');
    for (const stats of answers.flatMap(({ answer }) => answer ?? [])) this.remember(stats);
    return [...this.records.values()]
      .map(({ last, before }) => (before === undefined ? last : { ...last, ...totalOf([before, last]) }))
      .sort((one, other) => one.worker - other.worker);
  }

  /** New clients may come as long as one worker is well. */
  async notReady(): Promise<readonly string[]> {
    const answers = await this.supervisor.ask(ANSWER_MS, 'notReady');
    const reasons = answers.map(({ worker, answer }) =>
      answer === undefined ? [`worker ${worker} does not answer`] : answer.map((each) => `worker ${worker}: ${each}`),
    );
    if (this.supervisor.isEnding) return ['draining'];
    return reasons.every((each) => each.length > 0) ? reasons.flat() : [];
  }

  /** Nearly exact: a topic that is in no worker's first ranks is missed, however many subscribers it has in total. */
  async topics(order: TopicOrder, limit: number): Promise<readonly TopicInfo[]> {
    const answers = await this.supervisor.ask(ANSWER_MS, 'topics', order, limit * RANKED_PER_TOPIC);
    const byName = new Map<string, TopicInfo>();
    for (const info of answers.flatMap(({ answer }) => answer ?? [])) {
      byName.set(info.topic, together(byName.get(info.topic), info));
    }
    const weight = (info: TopicInfo): number => (order === 'rate' ? (info.messagesPerSecond ?? 0) : info.subscribers);
    return [...byName.values()].sort((one, other) => weight(other) - weight(one)).slice(0, limit);
  }

  /** One worker after the other; `next` says which and where. */
  async connections(query: ConnectionQuery): Promise<ConnectionPage> {
    const [from, after] = cursor(query.after);
    const page: ConnectionInfo[] = [];
    for (const worker of this.supervisor.indices) {
      if (worker < from) continue;
      const limit = query.limit - page.length;
      const resumeAt = worker === from ? after : undefined;
      const answer = await this.supervisor.askOne(ANSWER_MS, worker, 'connections', {
        ...query,
        limit: Math.max(1, limit),
        after: resumeAt,
      });
      if (answer === undefined || answer.connections.length === 0) continue;
      if (limit === 0) return { connections: page, next: `${worker}:` };
      page.push(...answer.connections);
      if (answer.next !== undefined) return { connections: page, next: `${worker}:${answer.next}` };
    }
    return { connections: page, next: undefined };
  }

  async kick(id: string): Promise<boolean> {
    const answers = await this.supervisor.ask(ANSWER_MS, 'kick', id);
    return answers.some(({ answer }) => answer === true);
  }

  private remember(stats: RelayStats): void {
    const record = this.records.get(stats.worker);
    if (record === undefined || record.last.startedAtMs === stats.startedAtMs) {
      this.records.set(stats.worker, { last: stats, before: record?.before });
      return;
    }
    const dead = withoutGauges(record.last);
    const before = record.before === undefined ? dead : { ...dead, ...totalOf([record.before, dead]) };
    this.records.set(stats.worker, { last: stats, before });
  }
}

function withoutGauges(stats: RelayStats): RelayStats {
  return { ...stats, connections: 0, handshakes: 0, topics: 0, lagging: 0, loopLagMs: 0 };
}

/** A publish reaches every worker that has subscribers of its topic, so its count is the highest of theirs, not their
 *  sum. */
function together(one: TopicInfo | undefined, other: TopicInfo): TopicInfo {
  if (one === undefined) return other;
  const info = {
    topic: one.topic,
    subscribers: one.subscribers + other.subscribers,
    published: Math.max(one.published, other.published),
  };
  if (one.messagesPerSecond === undefined || other.messagesPerSecond === undefined) return info;
  return { ...info, messagesPerSecond: Math.max(one.messagesPerSecond, other.messagesPerSecond) };
}

/** `2:7-31` → worker 2, after connection 7-31. */
function cursor(after: string | undefined): [number, string | undefined] {
  if (after === undefined) return [0, undefined];
  const colon = after.indexOf(':');
  return [Number(after.slice(0, colon)), after.slice(colon + 1) || undefined];
}
