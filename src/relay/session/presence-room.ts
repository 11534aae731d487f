// What presence remembers of a topic: changes that wait for the end of their window, and the members on other relays
// that a subscriber here was told of, so that it is also told when they leave.
import type { Member } from '../../protocol/ops.js';
import type { Connection } from '../fanout/audience.js';
import type { News } from './presence-news.js';

/** How many members elsewhere are remembered; of larger topics only the number is told. */
const MAX_FAR_MEMBERS = 1000;
/** The longer the news of a topic takes to send, the less often it is sent. */
const REST_FACTOR = 4;
const MAX_WINDOW_MS = 5000;

export interface Change {
  readonly op: 'join' | 'leave';
  readonly member: Member;
  /** Undefined for a member on another relay. */
  readonly connection?: Connection;
}

export class Room {
  isWaiting = false;
  isCounting = false;
  private changes = new Map<string, Change>();
  private readonly far = new Map<string, Member>();
  private tookMs = 0;

  get farSize(): number {
    return this.far.size;
  }

  /** Adds a change. A member that joined and left within one window is not announced. */
  add(change: Change): void {
    const earlier = this.changes.get(change.member.id);
    if (earlier === undefined) this.changes.set(change.member.id, change);
    else if (earlier.op !== change.op) this.changes.delete(change.member.id);
  }

  /** Takes the changes, in the order in which they happened. */
  takeChanges(): readonly Change[] {
    const changes = [...this.changes.values()];
    this.changes = new Map();
    return changes;
  }

  /** How long the next changes wait. */
  windowMs(shortest: number): number {
    return Math.min(MAX_WINDOW_MS, Math.max(shortest, REST_FACTOR * this.tookMs));
  }

  /** Reports how long the last news took to send. */
  took(ms: number): void {
    this.tookMs = ms;
  }

  /** Remembers a member on another relay. Returns whether it is new here. */
  know(member: Member): boolean {
    if (this.far.has(member.id) || this.far.size >= MAX_FAR_MEMBERS) return false;
    this.far.set(member.id, member);
    return true;
  }

  /** Returns the changes in another relay's news that are new here. */
  hear({ join = [], leave = [], all, origin = '' }: News): Change[] {
    const changes: Change[] = [];
    for (const member of [...join, ...(all ?? [])]) if (this.know(member)) changes.push({ op: 'join', member });
    for (const member of leave) {
      this.far.delete(member.id);
      changes.push({ op: 'leave', member });
    }
    if (all !== undefined) {
      const there = new Set(all.map(({ id }) => id));
      for (const [id, member] of this.far) {
        if (originOf(id) !== origin || there.has(id)) continue;
        this.far.delete(id);
        changes.push({ op: 'leave', member });
      }
    }
    return changes;
  }

  /** Forgets the members of a relay that has ended, and returns them. */
  forget(origin: string): Member[] {
    const gone = [...this.far.values()].filter(({ id }) => originOf(id) === origin);
    for (const { id } of gone) this.far.delete(id);
    return gone;
  }
}

/** The prefix of an id that names the relay it comes from. */
function originOf(id: string): string {
  return id.slice(0, id.lastIndexOf('-') + 1);
}
