// What a topic's owner does with a publish, its own thread's or another's: numbers and keeps it, and has it fanned out.
import type { PublishId } from '../../protocol/ops.js';
import { keptBody, publishKey } from '../../protocol/publish-id.js';
import { aboutMessage, type SequenceRecord } from '../../protocol/sequence-record.js';
import type { MemoryHistory } from './memory.js';
import type { Numbered, SequencerObserver } from './numbering.js';
import type { RecentPublishes } from './recent-publishes.js';
import type { StateCrossings } from './state-crossings.js';

export class OwnerNumbers {
  constructor(
    private readonly own: MemoryHistory,
    private readonly recent: RecentPublishes,
    private readonly crossings: StateCrossings | undefined,
    private readonly observer: () => SequencerObserver,
  ) {}

  /** A publish of another thread. Returns its number; undefined where it cannot be known whether it was published
   *  before, or where a newer message of its key came by another way while it waited for its window's end. */
  fromThread(topic: string, body: string, record: Extract<SequenceRecord, { is: 'publish' }>): number | undefined {
    const { from, sender, key, ack, pid, repeat, replaced, at } = record;
    const { own, crossings } = this;
    if (ack === undefined && at !== undefined && own.open(topic)?.overtook(body, key, at)) {
      crossings?.overtaken(topic, sender, replaced);
      this.observer().overtaken({ topic, sender, replaced });
      return undefined;
    }
    const once = pid === undefined ? undefined : { pid, repeat };
    return this.once({ topic, body, from, sender, key, replaced }, at, once);
  }

  /** Numbers a message, unless it is a repeated one. Returns its number, or undefined if it cannot be known whether it
   *  was published before. */
  once(message: Omit<Numbered, 'seq'>, at: number | undefined, once: PublishId | undefined): number | undefined {
    if (once === undefined) return this.number(message, at);
    const key = publishKey(message.topic, message.from, once.pid);
    const known = this.recent.find(key);
    if (known !== undefined) return known;
    if (once.repeat !== undefined && !this.recent.covers(once.repeat)) return undefined;
    const seq = this.number(message, at, once.pid);
    this.recent.note(key, seq);
    return seq;
  }

  /** Gives a message its number, and fans it out here and in the other threads. */
  private number(message: Omit<Numbered, 'seq'>, at: number | undefined, pid?: string): number {
    const { topic, body, from, sender, payload, key = payload?.key, replaced = 0 } = message;
    const history = this.own.open(topic);
    if (history === undefined) return 0;
    const seq = history.append(keptBody(body, pid), from, key, at);
    if (this.crossings !== undefined) {
      const about = aboutMessage(from, typeof sender === 'string' ? sender : sender?.id, key, pid);
      const counted = replaced > 0 ? { ...about, replaced } : about;
      this.crossings.toOthers(history, { epoch: history.epoch, seq, ...counted }, body);
    }
    this.observer().numbered({ ...message, seq });
    return seq;
  }
}
