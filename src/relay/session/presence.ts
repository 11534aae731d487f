// Who is in a topic, if presence is on: told on request, and announced to the topic's enveloped subscribers here and on
// other relays. Changes wait for the end of a window, so that many members who join at once are one announcement per
// subscriber, not one per new member.
import { type Bus, CrossingKind } from '../../bus/bus.js';
import { type Census, MAX_LISTED_MEMBERS, NOBODY, type Question, together } from '../../bus/census.js';
import { noBus } from '../../bus/none.js';
import { presenceCountFrame } from '../../protocol/frames.js';
import type { Member } from '../../protocol/ops.js';
import type { Connection, Topic } from '../fanout/audience.js';
import type { TopicTable } from '../fanout/topic-table.js';
import { type Announcements, isHeard } from './announcements.js';
import { type News, readNews, writeNews } from './presence-news.js';
import { type Change, Room } from './presence-room.js';

/** From this many members on, joins and leaves are no longer announced, only the number of members: n joins among n
 *  members would take n² frames. */
const MAX_ANNOUNCED_MEMBERS = 1000;
/** How long changes wait for others. */
const WINDOW_MS = 50;
/** The same if only the number is told, which takes a question to all relays. */
const COUNT_WINDOW_MS = 1000;
/** Topics whose members are announced again before the loop gets a turn. */
const TOPICS_PER_TURN = 200;

export class Presence {
  /** Topics with changes that wait, or with members elsewhere that subscribers here were told of. */
  private readonly rooms = new Map<string, Room>();
  private readonly timers = new Set<NodeJS.Timeout>();

  /** @param origin prefix of the ids of this relay's connections */
  constructor(
    private readonly announcements: Announcements,
    private readonly bus: Bus,
    private readonly topics: TopicTable,
    private readonly origin: string,
  ) {}

  join(topic: Topic, connection: Connection): void {
    if (topic.members === undefined || topic.members.has(connection)) return;
    topic.members.add(connection);
    this.changed(topic, { op: 'join', member: memberOf(connection), connection });
  }

  leave(topic: Topic, connection: Connection): void {
    if (topic.members?.delete(connection))
      this.changed(topic, { op: 'leave', member: memberOf(connection), connection });
  }

  /** Subscribers and members of a topic: exact for this worker and the others, and for other nodes as far as they
   *  answer in time. */
  async census(name: string): Promise<Census> {
    const elsewhere = await this.bus.survey({ topic: name, wants: 'members', reach: 'cluster' });
    const all = together([this.takeCensus(name, 'members'), ...elsewhere]);
    const topic = this.topics.find(name);
    // The asking client may show these members as present, so it must hear when they leave, even if their relay dies
    // without a word.
    if (topic !== undefined && isHeard(topic) && elsewhere.length > 0) {
      for (const member of all.members) if (!member.id.startsWith(this.origin)) this.roomOf(name).know(member);
    }
    return all;
  }

  /** Subscribers and members of a topic here. If presence is off, all subscribers count as members, since other
   *  nodes may have it on. */
  readonly takeCensus = (name: string, wants: Question['wants']): Census => {
    const topic = this.topics.find(name);
    if (topic === undefined) return NOBODY;
    const members = topic.members ?? everybody(topic);
    return {
      subscribers: topic.subscribers,
      memberCount: topic.members?.size ?? topic.subscribers,
      members: wants === 'members' ? listMembers(members) : [],
    };
  };

  /** Another relay reports who joined and left there. */
  heard(topic: Topic, message: Uint8Array): void {
    if (!isHeard(topic)) return;
    const news = readNews(message);
    if (news === undefined) return;
    const room = this.roomOf(topic.name);
    const changes = room.hear(news);
    for (const change of changes) this.changed(topic, change);
  }

  /** The relay whose connections' ids begin with `origin` has ended without notice: its members have left. */
  readonly originGone = (origin: string): void => {
    for (const [name, room] of this.rooms) {
      const topic = this.topics.find(name);
      if (topic === undefined) this.rooms.delete(name);
      else for (const member of room.forget(origin)) this.changed(topic, { op: 'leave', member });
    }
  };

  /** Others may have missed something, or think that this relay has ended: sends all members again, and each relay
   *  sees what is new to it. */
  readonly presenceInDoubt = (): void => {
    const topics = this.topics.values();
    const turn = (): void => {
      for (let said = 0; said < TOPICS_PER_TURN; said++) {
        const { done, value: topic } = topics.next();
        if (done) return;
        const { members } = topic;
        if (members === undefined || members.size === 0 || members.size > MAX_ANNOUNCED_MEMBERS) continue;
        this.send(topic.name, { all: listMembers(members), origin: this.origin });
      }
      setImmediate(turn);
    };
    turn();
  };

  stop(): void {
    for (const timer of this.timers) clearTimeout(timer);
    this.timers.clear();
    this.announcements.stop();
  }

  private changed(topic: Topic, change: Change): void {
    if (!isHeard(topic) && this.bus === noBus) return;
    const room = this.roomOf(topic.name);
    room.add(change);
    if (room.isWaiting) return;
    room.isWaiting = true;
    this.after(room.windowMs(WINDOW_MS), () => this.windowEnded(topic.name, room));
  }

  private windowEnded(name: string, room: Room): void {
    room.isWaiting = false;
    const changes = room.takeChanges();
    const own = changes.filter(({ connection }) => connection !== undefined);
    const topic = this.topics.find(name);
    const size = (topic?.members?.size ?? 0) + room.farSize;
    if (size > MAX_ANNOUNCED_MEMBERS) {
      if (topic !== undefined) this.tellCount(topic, room);
      return;
    }
    if (own.length > 0 && this.bus !== noBus) {
      const of = (op: Change['op']): Member[] => own.flatMap((change) => (change.op === op ? [change.member] : []));
      this.send(name, { join: of('join'), leave: of('leave') });
    }
    if (topic === undefined || !isHeard(topic)) this.rooms.delete(name);
    else if (changes.length > 0) this.announcements.announce(topic, changes, (tookMs) => room.took(tookMs));
  }

  /** Tells subscribers that take news together how many members there are. The others are told nothing of so large a
   *  topic. */
  private tellCount(topic: Topic, room: Room): void {
    if (room.isCounting) return;
    room.isCounting = true;
    this.after(COUNT_WINDOW_MS, async () => {
      room.isCounting = false;
      const elsewhere = await this.bus.survey({ topic: topic.name, wants: 'count', reach: 'cluster' });
      const { memberCount } = together([this.takeCensus(topic.name, 'count'), ...elsewhere]);
      this.announcements.tell(topic, Buffer.from(presenceCountFrame(topic.name, memberCount)));
    });
  }

  private send(name: string, news: News): void {
    for (const message of writeNews(name, news)) this.bus.forward(name, message, CrossingKind.presence);
  }

  private after(ms: number, act: () => void): void {
    const timer = setTimeout(() => {
      this.timers.delete(timer);
      act();
    }, ms);
    this.timers.add(timer.unref());
  }

  private roomOf(name: string): Room {
    let room = this.rooms.get(name);
    if (room === undefined) {
      room = new Room();
      this.rooms.set(name, room);
    }
    return room;
  }
}

function* everybody(topic: Topic): Iterable<Connection> {
  yield* topic.raw.subscribers;
  yield* topic.envelopedInside();
}

/** The first members of a topic, in the order in which they joined. */
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
