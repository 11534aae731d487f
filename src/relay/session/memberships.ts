// How sockets come into topics and leave them: live at once, or by way of a replay of what they missed or want to begin
// with. Raw sockets come this way too where their topic has a past that they get.
import type { OkFields } from '../../protocol/frames.js';
import type { Position, Unrecovered } from '../../protocol/ops.js';
import type { Rewind } from '../../protocol/rewind.js';
import type { Windows } from '../deliver/windows.js';
import type { Connection, SubscriberLane, Topic } from '../fanout/audience.js';
import type { FanOut } from '../fanout/fanout.js';
import { attach, detach } from '../fanout/membership.js';
import type { TopicTable } from '../fanout/topic-table.js';
import { CatchUp, CatchUps } from '../history/catch-up.js';
import type { Beginning, TopicHistory } from '../history/history.js';
import type { Counters, RecoveryOutcome } from '../watch/counters.js';
import type { Presence } from './presence.js';

const OUTCOMES: Record<Unrecovered, RecoveryOutcome> = {
  'no-history': 'noHistory',
  'epoch-changed': 'epochChanged',
  'too-old': 'tooOld',
  'unknown-position': 'unknownPosition',
};

/** How long a raw socket waits for the past of its topic before it goes live without. */
const PAST_PATIENCE_MS = 5000;

/** One topic of one socket. */
export interface Membership {
  readonly topic: Topic;
  /** How far the socket is: waiting for the topic's history, being replayed to, or in the live stream. */
  entry: 'waiting' | CatchUp | 'live';
  /** What it shares its window with; undefined where it gets everything at once. */
  readonly lane: SubscriberLane | undefined;
}

/** Where in a topic a socket wants to begin. */
export interface Start {
  /** After this position. */
  readonly since: Position | undefined;
  /** Else with so much of what is kept; undefined: with the state, where one is kept. With `since` as well, `all` asks
   *  for every message since, also where only the newest is delivered. */
  readonly rewind: Rewind | undefined;
  /** It is written to at most once in so many milliseconds; 0: as the topic is. */
  readonly everyMs: number;
}

/** The topics of one enveloped socket, by name. */
export type MembershipMap = Map<string, Membership>;

export class Memberships {
  private readonly catchUps: CatchUps;
  /** Raw sockets on their way into the live stream. */
  private readonly entering = new Map<Connection, Membership>();

  constructor(
    maxBackpressureBytes: number,
    private readonly topics: TopicTable,
    private readonly windows: Windows,
    private readonly fanOut: FanOut,
    private readonly presence: Presence,
    private readonly counters: Counters,
  ) {
    this.catchUps = new CatchUps(maxBackpressureBytes);
  }

  /**
   * Takes `connection` into a topic, or moves it back to its `start` in one it is in already. `answer` gets what the
   * answer says of its position, before anything else of the topic reaches the socket: at once, or when the topic's
   * history has come from its owner.
   */
  join(
    connection: Connection,
    of: MembershipMap,
    name: string,
    start: Start,
    answer: (fields: OkFields) => void,
  ): void {
    const earlier = of.get(name);
    const topic = this.topics.hold(name);
    const lane = this.windows.laneFor(topic, start.everyMs);
    const isThere = earlier !== undefined && earlier.entry !== 'waiting' && earlier.lane === lane;
    if (isThere && start.since === undefined && !start.rewind) {
      answer({ topic: name, ...positionOf(topic) });
      return;
    }
    const membership: Membership = { topic, entry: 'waiting', lane };
    topic.entering++;
    if (earlier === undefined) this.presence.join(topic, connection);
    else this.detach(connection, earlier);
    of.set(name, membership);
    const enter = (): void => {
      // Meanwhile the socket may have closed, left, or asked again.
      if (of.get(name) === membership) answer(this.admit(connection, membership, start));
    };
    if (topic.history === undefined) enter();
    else topic.history.whenReady(enter, start.since);
  }

  /** Takes a raw socket into its topic by way of what is kept of it: as much as it asked for, or its state. */
  enter(connection: Connection, topic: Topic, history: TopicHistory): void {
    const membership: Membership = { topic, entry: 'waiting', lane: connection.lane };
    this.entering.set(connection, membership);
    connection.ownSeqs = new Set();
    topic.entering++;
    const isWaiting = (): boolean => this.entering.get(connection) === membership && membership.entry === 'waiting';
    // Who keeps the past is away, such as NATS: what is live is better than nothing.
    const goLive = (): void => {
      if (isWaiting()) this.attach(connection, membership);
    };
    const overdue = history.isReady ? undefined : setTimeout(goLive, PAST_PATIENCE_MS).unref();
    history.whenReady(() => {
      clearTimeout(overdue);
      if (!isWaiting()) return; // it has closed, or waited too long
      const { rewind = history.isState ? 'all' : 0 } = connection;
      this.replay(connection, membership, history, history.beginningOf(rewind));
    });
  }

  /** A raw socket has closed. Says whether it was still on its way into its topic. */
  abandon(connection: Connection): boolean {
    const membership = this.entering.get(connection);
    if (membership === undefined) return false;
    this.entering.delete(connection);
    this.detach(connection, membership);
    return true;
  }

  /** A waiting socket goes into the live stream, or into a replay that leads there. Gives the answer. */
  private admit(connection: Connection, membership: Membership, { since, rewind }: Start): OkFields {
    const { topic } = membership;
    const { name, history } = topic;
    if (history === undefined) {
      this.attach(connection, membership);
      if (since === undefined) return { topic: name };
      this.counters.recoveries.noHistory++;
      return { topic: name, recovery: { reason: 'no-history' } };
    }
    const answer = { topic: name, ...positionOf(topic) };
    const reason = since && history.check(since);
    if (since !== undefined && reason === undefined) {
      this.counters.recoveries.recovered++;
      const isConflated = history.isConflated && (rewind !== 'all' || history.isState);
      const beginning = { after: since.seq, reading: isConflated ? 'newest' : 'all' } as const;
      return {
        ...answer,
        recovery: { replayed: this.replay(connection, membership, history, beginning) },
        isConflated,
      };
    }
    if (reason !== undefined) this.counters.recoveries[OUTCOMES[reason]]++;
    const unrecovered = reason && { recovery: { reason } };
    const wanted = rewind ?? (history.isState ? 'all' : 0);
    if (wanted === 0) {
      this.attach(connection, membership);
      const kept = since === undefined ? history.countAfter(history.floor, 'all') : 0;
      return { ...answer, ...unrecovered, kept };
    }
    const beginning = history.beginningOf(wanted);
    const { after, reading } = beginning;
    const replayed = this.replay(connection, membership, history, beginning);
    return { ...answer, ...unrecovered, rewound: { after, replayed }, isConflated: reading === 'newest' };
  }

  /** Sends what comes after `beginning`, and then the live stream. Gives how many messages there are at the moment. */
  private replay(connection: Connection, membership: Membership, history: TopicHistory, beginning: Beginning): number {
    const replayed = history.countAfter(beginning.after, beginning.reading);
    this.counters.replayed += replayed;
    if (replayed === 0) this.attach(connection, membership);
    else {
      // It starts in the next loop iteration, after the answer.
      const { topic } = membership;
      membership.entry = new CatchUp(connection, topic, history, beginning, () => this.attach(connection, membership));
      this.catchUps.start(membership.entry);
    }
    return replayed;
  }

  /** Takes `connection` out of a topic; does nothing where it is in none of that name. */
  leave(connection: Connection, of: MembershipMap, name: string): void {
    const membership = of.get(name);
    if (membership === undefined) return;
    of.delete(name);
    this.detach(connection, membership);
    this.presence.leave(membership.topic, connection);
    this.topics.releaseIfEmpty(membership.topic);
  }

  /** A socket has drained: its replays may go on. */
  onDrain(connection: Connection): void {
    this.catchUps.onDrain(connection);
  }

  /** A topic's stream broke off: every socket in it has to recover, and is told so. */
  broken(name: string): void {
    const topic = this.topics.find(name);
    if (topic === undefined) return;
    for (const audience of [topic.enveloped, topic.batched]) {
      if (audience !== undefined) this.fanOut.settle(audience);
    }
    for (const { session } of topic.envelopedInside()) session?.lost(topic, 1);
    for (const { session } of topic.delivery?.envelopedOutside() ?? []) session?.lost(topic, 1);
  }

  /** Puts a socket into the live stream. What was published before goes out first, and not to this socket. */
  private attach(connection: Connection, membership: Membership): void {
    const { topic, lane } = membership;
    const { dialect } = connection;
    membership.entry = 'live';
    topic.entering--;
    if (dialect === 'raw') this.entering.delete(connection);
    connection.ownSeqs = undefined;
    if (lane !== undefined) {
      lane.join(connection, dialect);
      return;
    }
    const audience = topic.openAudience(dialect);
    this.fanOut.settle(audience);
    attach(connection, audience);
  }

  private detach(connection: Connection, { topic, entry, lane }: Membership): void {
    if (entry !== 'live') {
      if (entry !== 'waiting') this.catchUps.cancel(entry);
      topic.entering--;
      return;
    }
    const audience = topic.audience(connection.dialect);
    if (lane !== undefined) lane.leave(connection, connection.dialect);
    else if (audience !== undefined) detach(connection, audience);
    topic.closeEnvelopedIfEmpty();
  }
}

function positionOf({ history }: Topic): { position?: Position } {
  return history === undefined ? {} : { position: { epoch: history.epoch, seq: history.seq } };
}
