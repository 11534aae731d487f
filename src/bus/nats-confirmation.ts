// Tracks which published messages NATS has confirmed: a PING is sent every so many bytes, and its PONG confirms all
// before it. So a server that stalls costs bounded memory, and when one goes away it is known how many messages may not
// have arrived.
import { setTimeout as sleep } from 'node:timers/promises';
import type { NatsConnection } from '@nats-io/transport-node';
import { SharedWork } from '../base/shared-work.js';

/** How many bytes may be unconfirmed; further messages are counted as lost. This bounds the memory that a stalled
 *  server costs. */
const MAX_UNCONFIRMED_BYTES = 16 * 1024 * 1024;
/** A PING goes out every so many bytes, and at the latest after so long, to see what has arrived. */
const CONFIRM_EVERY_BYTES = 256 * 1024;
const CONFIRM_EVERY_MS = 500;
/** Bytes of the client's protocol that come with a message. */
const OVERHEAD_BYTES = 64;

/** How long a publisher may be kept waiting for NATS. */
const CONFIRM_MS = 1000;
/** How many topics are remembered that lost a message since somebody last asked. */
const MAX_LOST_TOPICS = 1000;

export class NatsConfirmation {
  /** Messages that had not been confirmed when a connection broke. */
  unconfirmed = 0;
  /** Published since the last PING. */
  private unasked = { bytes: 0, messages: 0 };
  /** Since the last PONG. */
  private outstanding = { bytes: 0, messages: 0 };
  private readonly timer: NodeJS.Timeout;
  private readonly flushes = new SharedWork<'', boolean>(1, () => this.flush());
  private readonly lostTopics = new Set<string>();

  /**
   * @param nats the connection, undefined where there is none now
   * @param handOver gives NATS what waits for the end of the loop turn
   */
  constructor(
    private readonly nats: () => NatsConnection | undefined,
    private readonly handOver: () => void,
  ) {
    this.timer = setInterval(() => this.ask(), CONFIRM_EVERY_MS).unref();
  }

  /** Whether as many bytes are unconfirmed as may be. */
  get isFull(): boolean {
    return this.outstanding.bytes > MAX_UNCONFIRMED_BYTES;
  }

  published(payloadBytes: number): void {
    this.unasked.messages++;
    this.outstanding.messages++;
    this.unasked.bytes += payloadBytes + OVERHEAD_BYTES;
    this.outstanding.bytes += payloadBytes + OVERHEAD_BYTES;
  }

  /** Asks if enough has been published since the last time. */
  askIfDue(): void {
    if (this.unasked.bytes > CONFIRM_EVERY_BYTES) this.ask();
  }

  /** Whether NATS has all that was published of a topic. */
  async confirm(topic: string): Promise<boolean> {
    const isTaken = await this.flushes.do('');
    return !this.lostTopics.delete(topic) && isTaken;
  }

  /** Something of a topic was not handed to NATS. */
  lost(topic: string): void {
    if (this.lostTopics.size >= MAX_LOST_TOPICS) this.lostTopics.clear();
    this.lostTopics.add(topic);
  }

  private async flush(): Promise<boolean> {
    this.handOver();
    const nats = this.nats();
    if (nats === undefined) return false;
    const tooLate = sleep(CONFIRM_MS, false, { ref: false });
    return Promise.race([nats.flush().then(() => this.nats() === nats), tooLate]).catch(() => false);
  }

  /** The connection broke: what it has not confirmed never will be. */
  broken(): void {
    this.unconfirmed += this.outstanding.messages;
    this.outstanding = { bytes: 0, messages: 0 };
    this.unasked = { bytes: 0, messages: 0 };
  }

  stop(): void {
    clearInterval(this.timer);
  }

  /** Asks NATS to confirm all that was published until now. */
  private ask(): void {
    const { unasked, outstanding } = this;
    const nats = this.nats();
    if (nats === undefined || unasked.messages === 0) return;
    this.unasked = { bytes: 0, messages: 0 };
    nats.flush().then(
      () => {
        // After a disconnect `outstanding` is another object, and this answer no longer counts.
        outstanding.bytes -= unasked.bytes;
        outstanding.messages -= unasked.messages;
      },
      () => {},
    );
  }
}
