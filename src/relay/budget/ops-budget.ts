// What one socket may ask of the relay beside publishing: ops, and frames that carry no message. Each costs about what
// it makes the relay, its subscribers or other nodes do; who goes on beyond the budget is closed. Raw messages never
// come here.
import { type Bucket, take } from './token-bucket.js';

/** Whoever asks: a connection, or a client over HTTP. */
export interface Asker {
  /** What is left for its ops and control frames; undefined before the first. */
  ops: OpsAccount | undefined;
}

export interface OpsAccount extends Bucket {
  /** How often it paid. */
  paid: number;
}

/** Seconds' worth that may come at once: a client that starts says much in its first moment. */
const BURST_S = 10;

/** What things cost, in ops: measured by the CPU they take, an `unsub` of a topic that one is not in being 1 (about 5
 *  µs). */
export const Cost = {
  op: 1,
  controlFrame: 1,
  /** A JWT's signature. */
  auth: 20,
  /** A list of `members`, which other workers and nodes make too. */
  members: (count: number): number => count / 20,
  /** A topic's past asked for over HTTP, beside the messages of the answer. */
  read: 5,
  /** An answer of `bytes` about a topic's past: a page of 1 MB takes 2.6 ms of CPU. */
  answer: (bytes: number): number => bytes / 8192,
  /** A replay of `messages` to a socket that was in the topic already. */
  replay: (messages: number): number => messages / 50,
} as const;

const now = (): number => performance.now();

export class OpsBudget<Who extends Asker> {
  /** How often somebody paid. */
  paid = 0;
  private readonly burst: number;

  /**
   * @param perSecond 0 is unlimited
   * @param exceeded sees to an asker that has nothing left: a socket is closed
   */
  constructor(
    private readonly perSecond: number,
    private readonly exceeded: (asker: Who) => void,
  ) {
    this.burst = BURST_S * perSecond;
  }

  get isLimited(): boolean {
    return this.perSecond > 0;
  }

  /** Takes `cost` from the asker after the fact, also where less is left: it then waits longer. */
  owe(asker: Who, cost: number): void {
    if (this.perSecond > 0 && asker.ops !== undefined) asker.ops.level -= cost;
  }

  /** Takes `cost` from what the asker has left. False where that is not enough. */
  pay(asker: Who, cost: number): boolean {
    if (this.perSecond === 0) return true;
    this.paid++;
    asker.ops ??= { level: this.burst, atMs: now(), paid: 0 };
    asker.ops.paid++;
    if (take(asker.ops, cost, this.perSecond, this.burst, now)) return true;
    this.exceeded(asker);
    return false;
  }
}
