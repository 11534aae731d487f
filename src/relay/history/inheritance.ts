// States of a worker that died, in the worker that takes its place: other threads have copies of them, and send those
// before it lets clients in. Its numbers begin anew, since the dead one may have given some that nobody else heard of.
import type { ToKeep } from './history.js';
import type { MemoryHistory } from './memory.js';

/** How long clients are kept waiting for what other threads have. */
const PATIENCE_MS = 1000;

/** A message as another thread's copy has it: with a number of the sequence that has ended. */
export interface Seed extends ToKeep {
  readonly epoch: string;
  readonly seq: number;
}

interface Inherited {
  readonly epoch: string;
  readonly seq: number;
  readonly publishedAtMs: number;
  /** The number that it has here. */
  readonly as: number;
}

export class Inheritance {
  /** By topic and key. */
  private readonly topics = new Map<string, Map<string, Inherited>>();
  /** Resolves once all threads have sent what they have, or do not in time. */
  readonly complete: Promise<void>;
  isComplete = false;
  private settle = (): void => {};

  /** @param threads how many send what they have; 0 for a thread that takes nobody's place */
  constructor(
    private readonly own: MemoryHistory,
    private threads: number,
  ) {
    this.complete = new Promise((resolve) => {
      const overdue = threads > 0 ? setTimeout(() => this.settle(), PATIENCE_MS) : undefined;
      this.settle = () => {
        clearTimeout(overdue);
        this.isComplete = true;
        resolve();
        // What comes late is told apart for a while longer.
        setTimeout(() => this.topics.clear(), 10 * PATIENCE_MS).unref();
      };
      if (threads === 0) this.settle();
    });
  }

  /** Keeps a message, unless a newer one of its key is known, from another thread or published since. */
  take(topic: string, seed: Seed): void {
    const history = this.own.open(topic);
    if (history?.isState !== true) return;
    const key = history.newestBy(seed.key, seed.body) ?? '';
    const inherited = this.topics.get(topic) ?? new Map<string, Inherited>();
    const known = inherited.get(key);
    const present = history.newestOf(key);
    if (present !== undefined && present.seq !== known?.as) return;
    const publishedAtMs = this.own.nowMs() - (seed.ageMs ?? 0);
    if (known !== undefined && !isNewer({ ...seed, publishedAtMs }, known)) return;
    const { epoch, seq } = seed;
    const as = this.own.keep(history, history.seq + 1, seed);
    this.topics.set(topic, inherited.set(key, { epoch, seq, publishedAtMs, as }));
  }

  /** A thread has sent all that it has. */
  ended(): void {
    if (--this.threads === 0) this.settle();
  }
}

/** Numbers of one sequence say it exactly, the times at which threads heard of a message nearly. */
function isNewer(one: Omit<Inherited, 'as'>, other: Inherited): boolean {
  return one.epoch === other.epoch ? one.seq > other.seq : one.publishedAtMs > other.publishedAtMs;
}
