// A new socket's first messages, held until the read that brought them has ended: uWS never looks at the mask bit, and
// takes four bytes of an unmasked frame for its mask. It therefore wants four bytes more than the frame has, and gets
// them from the next frame, so that a misread message is always followed in the same read by a header from the middle
// of a payload. Nearly none is valid (RSV bits, opcode): uWS closes the socket right after the message's handler. What
// a client says at first is thus passed on in setImmediate, and not at all when its socket was closed that way before.
// From then on the socket is taken to mask its frames.
import type { Connection } from './audience.js';
import { Batch } from './batch.js';
import { Slab } from './slab.js';

/** Enough for a turn's newcomers; a larger message gets memory of its own. */
const SLAB_BYTES = 64 * 1024;

export class FirstMessages {
  private readonly waiting = new Batch<Connection>();
  private readonly slab = new Slab(SLAB_BYTES);

  /** @param publish passes a message on. It reads or copies the bytes before it returns, and takes closed senders */
  constructor(private readonly publish: (sender: Connection, message: Uint8Array, isBinary: boolean) => void) {}

  /** Keeps a copy of a message until this turn of the event loop ends. */
  hold(sender: Connection, message: ArrayBuffer, isBinary: boolean): void {
    if (this.waiting.count === 0) setImmediate(this.release);
    this.waiting.add(this.slab.copy(message), isBinary, sender);
  }

  /** Passes on what is held, in the order in which it came. Not within a `message` handler. */
  readonly release = (): void => {
    const { waiting } = this;
    if (waiting.count === 0) return;
    // Publishing may close sockets that are too slow, which may be among the senders.
    for (let i = 0; i < waiting.count; i++) this.pass(i);
    waiting.clear();
    this.slab.reset();
  };

  /** Within a sender's close handler, after it has left its topics: passes on what is held of it. */
  passOn(sender: Connection): void {
    for (let i = 0; i < this.waiting.count; i++) if (this.waiting.senders[i] === sender) this.pass(i);
  }

  /** Drops what is held of a socket whose frames could not be read. Says how many messages that were. */
  withhold(sender: Connection): number {
    let withheld = 0;
    for (let i = 0; i < this.waiting.count; i++) {
      if (this.waiting.senders[i] !== sender) continue;
      this.waiting.senders[i] = undefined;
      withheld++;
    }
    return withheld;
  }

  private pass(i: number): void {
    const { messages, binary, senders } = this.waiting;
    const sender = senders[i];
    if (sender === undefined) return;
    senders[i] = undefined;
    this.publish(sender, messages[i] as Uint8Array, binary[i] as boolean);
  }
}
