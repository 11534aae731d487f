// Relay threads that talk through queues which a test empties, cuts and loses from: what the mesh does, in one thread.
import type { Threads, ThreadsObserver } from '../../src/bus/bus.js';

interface Place {
  observer: ThreadsObserver | undefined;
  isAlive: boolean;
  hasDied: boolean;
  readonly wanted: Set<string>;
}

interface Letter {
  readonly topic: string;
  readonly record: Uint8Array;
}

/** What each pair of threads says to each other is in order; between pairs there is none. */
export class SimulatedThreads {
  private readonly places: Place[];
  private readonly queues = new Map<string, Letter[]>();
  /** Records that were lost since this was last asked. */
  lost = 0;

  /** @param ownerOf the thread that numbers a topic */
  constructor(
    readonly count: number,
    private readonly ownerOf: (topic: string) => number,
  ) {
    this.places = Array.from({ length: count }, () => ({
      observer: undefined,
      isAlive: false,
      hasDied: false,
      wanted: new Set(),
    }));
  }

  isAlive(thread: number): boolean {
    return this.place(thread).isAlive;
  }

  /** A thread begins: the mesh as it sees it. */
  rise(self: number): Threads {
    const place = this.place(self);
    place.isAlive = true;
    if (place.hasDied) for (const other of this.places) if (other !== place) other.observer?.came(self);
    return {
      self,
      ownerOf: this.ownerOf,
      has: (thread) => this.isAlive(thread),
      send: (thread, topic, record) => this.send(self, thread, { topic, record }),
      isWanted: (topic) => this.places.some(({ wanted }, thread) => thread !== self && wanted.has(topic)),
      sendToInterested: (topic, record) => {
        for (const [thread, { wanted }] of this.places.entries()) {
          if (thread !== self && wanted.has(topic)) this.send(self, thread, { topic, record });
        }
      },
      attend: (observer) => {
        place.observer = observer;
      },
    };
  }

  /** A thread ends: what was on its way to it, and from it, is lost; the others hear of it. */
  die(thread: number): void {
    const place = this.place(thread);
    place.isAlive = false;
    place.hasDied = true;
    place.observer = undefined;
    place.wanted.clear();
    for (const key of this.queues.keys()) {
      if (key.split('>').includes(String(thread))) this.queues.delete(key);
    }
    for (const other of this.places) other.observer?.gone(thread);
  }

  want(thread: number, topic: string): void {
    this.place(thread).wanted.add(topic);
  }

  unwant(thread: number, topic: string): void {
    this.place(thread).wanted.delete(topic);
  }

  doubt(thread: number): void {
    this.place(thread).observer?.doubt();
  }

  /** Hands over the next record of one pair that has some; false where nothing is on its way. */
  deliver(pick: number): boolean {
    const next = this.next(pick);
    if (next === undefined) return false;
    this.place(next.to).observer?.record(next.from, next.letter.topic, next.letter.record);
    return true;
  }

  /** Loses the next record of one pair. */
  lose(pick: number): void {
    if (this.next(pick) !== undefined) this.lost++;
  }

  private next(pick: number): { from: number; to: number; letter: Letter } | undefined {
    const busy = [...this.queues].filter(([, letters]) => letters.length > 0);
    const [key, letters] = busy[pick % Math.max(1, busy.length)] ?? [];
    const letter = letters?.shift();
    if (key === undefined || letter === undefined) return undefined;
    const [from, to] = key.split('>').map(Number) as [number, number];
    return { from, to, letter };
  }

  private send(from: number, to: number, letter: Letter): boolean {
    if (!this.place(to).isAlive) return false;
    const key = `${from}>${to}`;
    const queue = this.queues.get(key) ?? [];
    queue.push({ topic: letter.topic, record: letter.record.slice() });
    this.queues.set(key, queue);
    return true;
  }

  private place(thread: number): Place {
    return this.places[thread] as Place;
  }
}
