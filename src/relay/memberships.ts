// How enveloped sockets come into topics and leave them: live at once, or by way of a replay of what they missed.
import type { OkFields } from '../protocol/frames.js';
import type { Position } from '../protocol/ops.js';
import { CatchUp, CatchUps } from './catch-up.js';
import type { Connection } from './connection.js';
import type { FanOut } from './fanout.js';
import type { Presence } from './presence.js';
import type { Topic, TopicTable } from './topic.js';

/** One topic of one enveloped socket. */
export interface Membership {
  readonly topic: Topic;
  /** Set while the socket is still being replayed to, and not in the live stream. */
  catchUp: CatchUp | undefined;
}

/** The topics of one enveloped socket, by name. */
export type MembershipMap = Map<string, Membership>;

export class Memberships {
  private readonly catchUps = new CatchUps((catchUp) => this.arrive(catchUp));

  constructor(
    private readonly topics: TopicTable,
    private readonly fanOut: FanOut,
    private readonly presence: Presence,
  ) {}

  /**
   * Takes `connection` into a topic, or moves it back to `since` in one it is in already. Gives the answer, which must be sent
   * before this loop iteration ends: a replay starts in the next.
   */
  join(connection: Connection, of: MembershipMap, name: string, since: Position | undefined): OkFields {
    const earlier = of.get(name);
    if (earlier !== undefined && since === undefined) return { topic: name, ...positionOf(earlier.topic) };
    const topic = this.topics.hold(name);
    const membership: Membership = { topic, catchUp: undefined };
    if (earlier === undefined) this.presence.join(topic, connection);
    else this.detach(connection, earlier);
    of.set(name, membership);
    const position = positionOf(topic);
    const { history } = topic;
    if (since === undefined || history === undefined) {
      this.attach(connection, topic);
      return since === undefined ? { topic: name, ...position } : { topic: name, recovery: { reason: 'no-history' } };
    }
    const reason = history.check(since);
    if (reason !== undefined) {
      this.attach(connection, topic);
      return { topic: name, ...position, recovery: { reason } };
    }
    const replayed = history.seq - since.seq;
    if (replayed === 0) this.attach(connection, topic);
    else {
      membership.catchUp = new CatchUp(connection, topic, history, since.seq + 1);
      topic.catchingUp++;
      this.catchUps.start(membership.catchUp);
    }
    return { topic: name, ...position, recovery: { replayed } };
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

  private arrive({ connection, topic }: CatchUp): void {
    const membership = connection.session?.memberships.get(topic.name);
    if (membership !== undefined) membership.catchUp = undefined;
    topic.catchingUp--;
    this.attach(connection, topic);
  }

  /** Puts a socket into the live stream. What was published before goes out first, and not to this socket. */
  private attach(connection: Connection, topic: Topic): void {
    const audience = topic.openEnveloped();
    this.fanOut.settle(audience);
    audience.subscribers.add(connection);
    if (connection.lag === undefined) connection.ws?.subscribe(audience.key);
    else {
      // Too slow to take anything at the moment: it joins when it has drained, and is told what it missed.
      connection.lag.start(audience);
      audience.lagging++;
    }
  }

  private detach(connection: Connection, { topic, catchUp }: Membership): void {
    if (catchUp !== undefined) {
      this.catchUps.cancel(catchUp);
      topic.catchingUp--;
      return;
    }
    const audience = topic.openEnveloped();
    audience.subscribers.delete(connection);
    if (connection.lag?.forget(audience)) audience.lagging--;
    else connection.ws?.unsubscribe(audience.key);
    topic.closeEnvelopedIfEmpty();
  }
}

function positionOf({ history }: Topic): { position?: Position } {
  return history === undefined ? {} : { position: { epoch: history.epoch, seq: history.seq } };
}
