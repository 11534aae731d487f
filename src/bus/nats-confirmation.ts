// What NATS has confirmed of what was published: a PING every so many bytes, its PONG for all that came before it. So a server that
// stalls costs bounded memory, and one that goes away leaves a count of what may not have arrived.
import type { NatsConnection } from '@nats-io/transport-node';

/** Bytes that NATS may owe an answer for before messages are counted as lost: what a stalled server may cost in memory. */
const MAX_UNCONFIRMED_BYTES = 16 * 1024 * 1024;
/** A PING goes out every so many bytes, and at the latest after so long, to see what has arrived. */
const CONFIRM_EVERY_BYTES = 256 * 1024;
const CONFIRM_EVERY_MS = 500;
/** Bytes of the client's protocol that come with a message. */
const OVERHEAD_BYTES = 64;

export class NatsConfirmation {
  /** Messages that had not been confirmed when a connection broke. */
  unconfirmed = 0;
  /** Since the last PING. */
  private unasked = { bytes: 0, messages: 0 };
  /** Since the last PONG. */
  private outstanding = { bytes: 0, messages: 0 };
  private readonly timer: NodeJS.Timeout;

  /** @param nats the connection, undefined where there is none now */
  constructor(private readonly nats: () => NatsConnection | undefined) {
    this.timer = setInterval(() => this.ask(), CONFIRM_EVERY_MS).unref();
  }

  /** Whether NATS owes answers for as much as may wait. */
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

  /** The connection broke: what it has not confirmed never will be. */
  broken(): void {
    this.unconfirmed += this.outstanding.messages;
    this.outstanding = { bytes: 0, messages: 0 };
    this.unasked = { bytes: 0, messages: 0 };
  }

  stop(): void {
    clearInterval(this.timer);
  }

  /** Asks NATS for a sign that it has taken all that was published until now. */
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
