// A window out of which every message goes, in order, in one write a subscriber.
import type { Audience, Connection, Dialect, Publication } from '../fanout/audience.js';
import { Slab } from '../fanout/slab.js';
import { Lane } from './lane.js';
import { bytesOf, type Waiting, waiting } from './waiting.js';

/** Messages that a window may hold. One that holds more, or more bytes than it may, is flushed before its end. */
const MAX_MESSAGES = 4096;
/** What copies are put into at a time: it lives as long as the window's last message. */
const SLAB_BYTES = 16 * 1024;

export class AllLane extends Lane {
  private messages: Waiting[] = [];
  private bytes = 0;
  private held = 0;
  private slab: Slab | undefined;

  protected get isEmpty(): boolean {
    return this.messages.length === 0;
  }

  protected keep(message: Publication): void {
    const kept = waiting(message, this.taken, message.replaced, this.copy);
    this.messages.push(kept);
    this.bytes += kept.bytes.byteLength;
    const held = bytesOf(kept);
    this.held += held;
    this.context.held.wait(held);
    if (this.messages.length >= MAX_MESSAGES || this.bytes >= this.context.maxBytes) this.flushEarly();
  }

  protected waiting(): readonly Waiting[] {
    return this.messages;
  }

  protected flushed(): void {
    this.context.held.gone(this.held);
    this.messages = [];
    this.bytes = this.held = 0;
    this.slab = undefined;
  }

  protected beforeDelivery(): void {}

  laggingIn(connection: Connection, dialect: Dialect): Audience | undefined {
    const audience = this.audiences.find(dialect);
    return audience?.subscribers.has(connection) ? audience : undefined;
  }

  private readonly copy = (bytes: Uint8Array): Uint8Array => {
    this.slab ??= new Slab(SLAB_BYTES);
    return this.slab.copy(bytes, bytes.length);
  };
}
