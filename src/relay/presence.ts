// Who is in a topic, where presence is on: told on request, and announced to the topic's enveloped subscribers.
import { presenceFrame } from '../protocol/frames.js';
import type { Member } from '../protocol/ops.js';
import type { Connection } from './connection.js';
import type { FanOut } from './fanout.js';
import type { Topic } from './topic.js';

/** From this many members on joins and leaves are no longer announced: n joins among n members are n² frames. */
export const MAX_ANNOUNCED_MEMBERS = 1000;

/** Members named in the answer to a presence op; the count is always exact. */
const MAX_LISTED_MEMBERS = 1000;

export class Presence {
  constructor(private readonly fanOut: FanOut) {}

  join(topic: Topic, connection: Connection): void {
    if (topic.members === undefined || topic.members.has(connection)) return;
    topic.members.add(connection);
    this.announce('join', topic, connection);
  }

  leave(topic: Topic, connection: Connection): void {
    if (topic.members?.delete(connection)) this.announce('leave', topic, connection);
  }

  private announce(op: 'join' | 'leave', topic: Topic, connection: Connection): void {
    const { enveloped, members } = topic;
    if (enveloped === undefined || enveloped.subscribers.size === 0) return;
    if (members === undefined || members.size > MAX_ANNOUNCED_MEMBERS) return;
    const frame = Buffer.from(presenceFrame(op, topic.name, memberOf(connection)));
    this.fanOut.publish(enveloped, connection, frame, false);
  }
}

/** The first members of a topic, in the order they came. */
export function listMembers(members: Iterable<Connection>): Member[] {
  const listed: Member[] = [];
  for (const connection of members) {
    if (listed.length === MAX_LISTED_MEMBERS) break;
    listed.push(memberOf(connection));
  }
  return listed;
}

function memberOf({ id, user }: Connection): Member {
  return user === undefined ? { id } : { id, user };
}
