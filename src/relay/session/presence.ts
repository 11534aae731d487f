// Who is in a topic, where presence is on: told on request, and announced to the topic's enveloped subscribers.
import { type Bus, Kind } from '../../bus/bus.js';
import { type Census, MAX_LISTED_MEMBERS, NOBODY, type Question, together } from '../../bus/census.js';
import { noBus } from '../../bus/none.js';
import { presenceFrame } from '../../protocol/frames.js';
import type { Member } from '../../protocol/ops.js';
import type { Connection, Topic } from '../fanout/audience.js';
import type { FanOut } from '../fanout/fanout.js';
import type { TopicTable } from '../fanout/topic-table.js';

/** From this many members on joins and leaves are no longer announced: n joins among n members are n² frames. */
const MAX_ANNOUNCED_MEMBERS = 1000;

export class Presence {
  constructor(
    private readonly fanOut: FanOut,
    private readonly bus: Bus,
    private readonly topics: TopicTable,
  ) {}

  join(topic: Topic, connection: Connection): void {
    if (topic.members === undefined || topic.members.has(connection)) return;
    topic.members.add(connection);
    this.announce('join', topic, connection);
  }

  leave(topic: Topic, connection: Connection): void {
    if (topic.members?.delete(connection)) this.announce('leave', topic, connection);
  }

  /** Subscribers and members of a topic: here and in other workers exactly, on other nodes as far as they answer in time. */
  async census(topic: string): Promise<Census> {
    const elsewhere = await this.bus.survey({ topic, wants: 'members', reach: 'cluster' });
    return together([this.takeCensus(topic, 'members'), ...elsewhere]);
  }

  /** Subscribers and members of a topic here. */
  readonly takeCensus = (name: string, wants: Question['wants']): Census => {
    const topic = this.topics.find(name);
    if (topic === undefined) return NOBODY;
    const members = topic.members ?? new Set<Connection>();
    return {
      subscribers: topic.subscribers,
      memberCount: members.size,
      members: wants === 'members' ? listMembers(members) : [],
    };
  };

  private announce(op: 'join' | 'leave', topic: Topic, connection: Connection): void {
    const { enveloped, members } = topic;
    if (members === undefined || members.size > MAX_ANNOUNCED_MEMBERS) return;
    const isHeardHere = enveloped !== undefined && enveloped.subscribers.size > 0;
    if (!isHeardHere && this.bus === noBus) return;
    const frame = Buffer.from(presenceFrame(op, topic.name, memberOf(connection)));
    this.bus.forward(topic.name, frame, Kind.presence);
    if (isHeardHere) this.fanOut.publish(enveloped, connection, frame, false);
  }
}

/** The first members of a topic, in the order they came. */
function listMembers(members: Iterable<Connection>): Member[] {
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
