// How sockets join topics and leave them: live at once, or after a replay of what they missed or want to begin with.
// Raw sockets join this way too if they get past messages of their topic.
import type { OkFields } from '../../protocol/frames.js';
import type { Position, Unrecovered } from '../../protocol/ops.js';
import type { Windows } from '../deliver/windows.js';
import type { Connection, SubscriberLane, Topic } from '../fanout/audience.js';
import type { FanOut } from '../fanout/fanout.js';
import { attach, detach, keepPending } from '../fanout/membership.js';
import type { TopicTable } from '../fanout/topic-table.js';
import { CatchUp, CatchUps } from '../history/catch-up.js';
import type { Beginning, TopicHistory } from '../history/history.js';
import type { Counters, RecoveryOutcome } from '../watch/counters.js';
import { type Membership, type MembershipMap, newMembership, type Start } from './membership.js';
import type { Presence } from './presence.js';

const OUTCOMES: Record<Unrecovered, RecoveryOutcome> = {
  'no-history': 'noHistory',
  'epoch-changed': 'epochChanged',
  'too-old': 'tooOld',
  'unknown-position': 'unknownPosition',
};

/** How long a raw socket waits for the past of its topic before it goes live without it. */
const PAST_PATIENCE_MS = 5000;
const MAX_ASKED = 16;

export class Memberships {
  private readonly catchUps: CatchUps;
  /** Raw sockets that have yet to become live. */
  private readonly entering = new Map<Connection, Membership>();

  constructor(
    maxBackpressureBytes: number,
    private readonly topics: TopicTable,
    private readonly windows: Windows,
    private readonly fanOut: FanOut,
    private readonly presence: Presence,
    private readonly counters: Counters,
  ) {
    this.catchUps = new CatchUps(maxBackpressureBytes, () => counters.delivered);
  }

  /** Takes `connection` into a topic, or moves it back to its `start` if it is in it already. `answer` gets the
   *  fields of the answer that state its position, before anything else of the topic reaches the socket: at once, or
   *  when the topic's history has come from its owner. Several requests for one topic are handled one after the
   *  other. */
  join(
    connection: Connection,
    of: MembershipMap,
    name: string,
    start: Start,
    answer: (fields: OkFields) => void,
  ): void {
    this.fanOut.slow.handOver(connection);
    const earlier = of.get(name);
    if (earlier?.entry === 'waiting') {
      // Later requests for the topic replace earlier ones, so the oldest may go.
      if (earlier.asked.length > MAX_ASKED) earlier.asked.splice(1, 1)[0]?.answer({ topic: name });
      earlier.asked.push({ answer, act: () => this.join(connection, of, name, start, answer) });
      return;
    }
    const topic = this.topics.hold(name);
    const hasPast = topic.history !== undefined;
    if (earlier !== undefined && !(hasPast && (start.since !== undefined || start.rewind))) {
      this.stay(connection, earlier, start.everyMs, () =>
        answer(hasPast ? { topic: name, ...positionOf(topic) } : this.withoutPast(name, start)),
      );
      return;
    }
    const membership = newMembership(topic, start.everyMs, answer);
    topic.entering++;
    if (earlier === undefined) this.presence.join(topic, connection);
    else this.detach(connection, earlier);
    of.set(name, membership);
    const isWanted = (): boolean => of.get(name) === membership;
    const enter = (): void => {
      if (!isWanted()) return; // meanwhile the socket has closed, or left
      answer(this.admit(connection, membership, start));
      for (const { act } of membership.asked.slice(1)) if (of.has(name)) act();
    };
    hasPast ? topic.history?.whenReady(enter, isWanted, start.since) : enter();
  }

  /** Takes a raw socket into its topic after a replay of what is kept: as much as it asked for, or its state. */
  enter(connection: Connection, topic: Topic, history: TopicHistory): void {
    const membership = newMembership(topic, connection.everyMs);
    this.entering.set(connection, membership);
    connection.ownSeqs = new Set();
    topic.entering++;
    const isWaiting = (): boolean => this.entering.get(connection) === membership && membership.entry === 'waiting';
    // The store of the past is away, such as NATS: live messages are better than nothing. It gets a state later.
    let isLate = false;
    const goLive = (): void => {
      if (!isWaiting()) return;
      this.attach(connection, membership);
      isLate = history.isState;
    };
    const overdue = history.isReady ? undefined : setTimeout(goLive, PAST_PATIENCE_MS).unref();
    const isWanted = (): boolean => isWaiting() || (isLate && connection.ws !== undefined);
    history.whenReady(() => {
      clearTimeout(overdue);
      if (!isWanted()) return; // it has closed
      if (isLate) {
        this.takeOut(connection, topic, membership.lane);
        this.enter(connection, topic, history);
        return;
      }
      const { rewind = history.isState ? 'all' : 0 } = connection;
      this.replay(connection, membership, history, history.beginningOf(rewind));
    }, isWanted);
  }

  /** A raw socket has closed. Returns whether it had yet to become live. */
  abandon(connection: Connection): boolean {
    const membership = this.entering.get(connection);
    if (membership === undefined) return false;
    this.entering.delete(connection);
    this.detach(connection, membership);
    return true;
  }

  /** A socket stays in its topic, and from now on shares the window that it asks for. What waits for it is sent
   *  before the answer, since the position in the answer includes it. */
  private stay(connection: Connection, membership: Membership, everyMs: number, answer: () => void): void {
    const { topic, entry, lane: present } = membership;
    membership.everyMs = everyMs;
    if (entry !== 'live') {
      answer();
      return;
    }
    this.sendWaiting(connection, membership);
    answer();
    const lane = this.windows.laneFor(topic, everyMs);
    // A lagging socket stays where its missed messages are counted. The answer may have closed the socket.
    if (lane === present || connection.lag !== undefined || connection.ws === undefined) return;
    // Join first, then leave: uWS discards what it holds back for a socket that is in no topic.
    membership.lane = lane;
    this.goLive(connection, topic, lane);
    this.takeOut(connection, topic, present);
  }

  /** The fields of the answer if nothing is kept. */
  private withoutPast(topic: string, { since }: Start): OkFields {
    if (since === undefined) return { topic };
    this.counters.recoveries.noHistory++;
    return { topic, recovery: { reason: 'no-history' } };
  }

  /** A waiting socket becomes live, or is replayed to first. Returns the fields of the answer. */
  private admit(connection: Connection, membership: Membership, start: Start): OkFields {
    const { since, rewind } = start;
    const { topic } = membership;
    const { name, history } = topic;
    if (history === undefined) {
      this.attach(connection, membership);
      return this.withoutPast(name, start);
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

  /** Sends what comes after `beginning`, and then the live stream. Returns how many messages there are to replay
   *  now. */
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

  /** Takes `connection` out of a topic; does nothing if it is in none of that name. */
  leave(connection: Connection, of: MembershipMap, name: string): void {
    const membership = of.get(name);
    if (membership === undefined) return;
    of.delete(name);
    if (membership.entry === 'waiting') for (const { answer } of membership.asked) answer({ topic: name });
    this.detach(connection, membership);
    this.presence.leave(membership.topic, connection);
    this.topics.releaseIfEmpty(membership.topic);
  }

  /** The client asks to leave a topic: it gets what was published before, then the answer. */
  leaveInOrder(connection: Connection, of: MembershipMap, name: string): void {
    this.fanOut.slow.handOver(connection);
    const membership = of.get(name);
    if (membership?.entry === 'live') {
      this.sendWaiting(connection, membership);
      keepPending(connection);
    }
    this.leave(connection, of, name);
  }

  /** A socket has drained: its replays may go on. */
  onDrain(connection: Connection): void {
    this.catchUps.onDrain(connection);
  }

  /** A topic's stream broke off: tells every socket in it to recover. */
  broken(name: string): void {
    const topic = this.topics.find(name);
    if (topic === undefined) return;
    for (const audience of [topic.enveloped, topic.batched]) {
      if (audience !== undefined) this.fanOut.settle(audience);
    }
    for (const { session } of topic.envelopedInside()) session?.lost(topic, 1);
    for (const { session } of topic.delivery?.envelopedOutside() ?? []) session?.lost(topic, 1);
  }

  /** Makes a socket live. What was published before is sent first, and not to this socket. */
  private attach(connection: Connection, membership: Membership): void {
    const { topic, everyMs } = membership;
    membership.entry = 'live';
    topic.entering--;
    // Not earlier: a lane without subscribers is released.
    membership.lane = this.windows.laneFor(topic, everyMs);
    if (connection.dialect === 'raw') {
      this.entering.delete(connection);
      connection.lane = membership.lane;
    }
    connection.ownSeqs = undefined;
    this.goLive(connection, topic, membership.lane);
  }

  private goLive(connection: Connection, topic: Topic, lane: SubscriberLane | undefined): void {
    const { dialect } = connection;
    if (lane !== undefined) {
      lane.join(connection, dialect);
      return;
    }
    const audience = topic.openAudience(dialect);
    this.fanOut.settle(audience);
    attach(connection, audience);
  }

  /** Sends a live socket what of a topic waits for it in a window or for the loop's turn. */
  private sendWaiting(connection: Connection, { topic, lane }: Membership): void {
    const audience = topic.audience(connection.dialect);
    if (lane !== undefined) lane.handOver(connection, connection.dialect);
    else if (audience !== undefined) this.fanOut.settle(audience);
  }

  private detach(connection: Connection, { topic, entry, lane }: Membership): void {
    if (entry !== 'live') {
      if (entry !== 'waiting') this.catchUps.cancel(entry);
      topic.entering--;
      return;
    }
    this.takeOut(connection, topic, lane);
  }

  private takeOut(connection: Connection, topic: Topic, lane: SubscriberLane | undefined): void {
    const audience = topic.audience(connection.dialect);
    if (lane !== undefined) lane.leave(connection, connection.dialect);
    else if (audience !== undefined) detach(connection, audience);
    topic.closeEnvelopedIfEmpty();
  }
}

function positionOf({ history }: Topic): { position?: Position } {
  return history === undefined ? {} : { position: { epoch: history.epoch, seq: history.seq } };
}
