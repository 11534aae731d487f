// Reads of a topic's past by clients that are not subscribed, such as HTTP. The topic is held as for a subscriber, so
// that a copy comes from its owner the usual way, and for a while longer, so that repeated reads do not copy it each
// time.
import type { Topic } from '../fanout/audience.js';
import type { TopicTable } from '../fanout/topic-table.js';
import type { TopicHistory } from './history.js';

/** How long a topic is held after a read. */
const LINGER_MS = 5000;
/** How many topics are held for reads. */
const MAX_HELD = 256;
/** How long a read waits for the owner, and how many reads may wait. */
const PATIENCE_MS = 10_000;
const MAX_WAITING = 1000;

interface Held {
  readonly topic: Topic;
  waiting: number;
  readAtMs: number;
}

export class PastReads {
  /** By name, those read longest ago first. */
  private readonly held = new Map<string, Held>();
  private waiting = 0;
  private readonly sweeping: NodeJS.Timeout;

  constructor(private readonly topics: TopicTable) {
    this.sweeping = setInterval(() => this.sweep(), LINGER_MS / 5).unref();
  }

  /** Whether a rule keeps the topic. */
  keeps(name: string): boolean {
    return this.topics.keeps(name);
  }

  /** Whether one more topic may be read. */
  hasRoomFor(name: string): boolean {
    return this.topics.hasRoomFor(name) && this.waiting < MAX_WAITING;
  }

  /** The result of `look` on a topic that is kept. Undefined if its owner is away. */
  read<Result>(name: string, look: (history: TopicHistory) => Result): Promise<Result | undefined> {
    const held = this.hold(name);
    const { history } = held.topic;
    if (history === undefined) return Promise.resolve(undefined);
    held.waiting++;
    this.waiting++;
    return new Promise((resolve) => {
      let isOver = false;
      const settle = (result: Result | undefined): void => {
        isOver = true;
        clearTimeout(overdue);
        held.waiting--;
        held.readAtMs = performance.now();
        this.waiting--;
        resolve(result);
      };
      const overdue = setTimeout(() => settle(undefined), PATIENCE_MS).unref();
      history.whenReady(
        () => {
          if (!isOver) settle(look(history));
        },
        () => !isOver,
      );
    });
  }

  stop(): void {
    clearInterval(this.sweeping);
  }

  private hold(name: string): Held {
    let held = this.held.get(name);
    if (held === undefined) {
      held = { topic: this.topics.hold(name), waiting: 0, readAtMs: 0 };
      held.topic.readers++;
    }
    this.held.delete(name);
    this.held.set(name, held);
    if (this.held.size > MAX_HELD) this.letGo(Number.POSITIVE_INFINITY, 1);
    return held;
  }

  private sweep(): void {
    this.letGo(performance.now() - LINGER_MS, this.held.size);
  }

  /** Releases at most `most` topics that were last read before `beforeMs` and that no read waits for. */
  private letGo(beforeMs: number, most: number): void {
    let left = most;
    for (const [name, { topic, waiting, readAtMs }] of this.held) {
      if (left === 0) return;
      if (waiting > 0 || readAtMs === 0 || readAtMs > beforeMs) continue;
      left--;
      this.held.delete(name);
      topic.readers--;
      this.topics.releaseIfEmpty(topic);
    }
  }
}
