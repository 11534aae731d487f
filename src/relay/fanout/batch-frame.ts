// Several messages of a topic as one frame: a JSON array of ops, built once per audience and flush. Each op after the
// first leaves out `op` and `topic`, which are those of the first. A subscriber that sent some of the messages gets the
// array without them.
import { utf8 } from '../bytes.js';
import type { Audience, Connection } from './audience.js';
import type { Batch } from './batch.js';

const NOTHING: Uint8Array = new Uint8Array(0);
/** How each message after the first begins, in place of its topic's head. */
const SHORT_HEAD = utf8('{"data":');
const [COMMA, OPEN, CLOSE] = utf8(',[]') as unknown as [number, number, number];
/** Buffer bytes that stay allocated between flushes. */
const KEPT_BYTES = 64 * 1024;
/** What uWS's send() returns where the kernel has taken all of the socket's bytes. */
const SENT = 1;

/** Sends one message to an audience without a uWS topic: to all but the sender and those that lag. */
export function sendToEach(
  audience: Audience,
  sender: Connection | undefined,
  message: ArrayBuffer | Uint8Array,
  isBinary: boolean,
  compress: boolean,
): void {
  for (const subscriber of audience.subscribers) {
    if (subscriber === sender || subscriber.lag !== undefined) continue;
    if (subscriber.ws?.send(message, isBinary, compress) !== SENT) subscriber.mayHaveUnsent = true;
  }
}

export class BatchFrame {
  private bytes = NOTHING;
  private used = 0;
  /** The frame with all of the messages. */
  private whole = NOTHING;
  /** The bytes that every message begins with. */
  private head = NOTHING;
  /** For each message of the array: where the part after its head begins, and where it ends. */
  private readonly bodies: number[] = [];
  private readonly ends: number[] = [];
  /** The indexes of the messages that each sender published. */
  private readonly own = new Map<Connection, number[]>();

  /** Makes the frame of messages `from` to `to` (exclusive) of a batch of `msg` frames that all begin with `head`.
   *  The next call overwrites it. */
  make(batch: Batch<Connection>, from: number, to: number, head: Uint8Array): void {
    this.head = head;
    this.used = 0;
    this.bodies.length = this.ends.length = 0;
    this.own.clear();
    let size = 1;
    for (let i = from; i < to; i++) size += (batch.messages[i] as Uint8Array).length + 1;
    if (this.bytes.length < size || this.bytes.length > Math.max(KEPT_BYTES, size)) this.bytes = new Uint8Array(size);
    for (let i = from; i < to; i++) {
      this.put(i === from ? OPEN : COMMA);
      this.copy(i === from ? head : SHORT_HEAD);
      this.bodies.push(this.used);
      this.copy((batch.messages[i] as Uint8Array).subarray(head.length));
      this.ends.push(this.used);
      const sender = batch.senders[i];
      if (sender !== undefined) this.note(sender, i - from);
    }
    this.put(CLOSE);
    this.whole = this.bytes.subarray(0, this.used);
  }

  /** Sends the frame to all that do not lag. */
  sendTo(subscribers: Iterable<Connection>, compress: boolean): void {
    for (const subscriber of subscribers) {
      if (subscriber.lag !== undefined) continue;
      const frame = this.for(subscriber);
      if (frame !== undefined) subscriber.ws?.send(frame, false, compress);
    }
  }

  /** The frame for `subscriber`; undefined if it published all of the messages. */
  for(subscriber: Connection): Uint8Array | undefined {
    const own = this.own.size === 0 ? undefined : this.own.get(subscriber);
    return own === undefined ? this.whole : this.without(own);
  }

  /** The frame without some messages: the runs between them, the first of which gets the topic's head. */
  private without(left: readonly number[]): Uint8Array | undefined {
    if (left.length === this.ends.length) return undefined;
    const rest = new Uint8Array(this.used + this.head.length);
    let used = 0;
    const add = (bytes: Uint8Array): void => {
      rest.set(bytes, used);
      used += bytes.length;
    };
    rest[used++] = OPEN;
    let next = 0;
    for (const index of [...left, this.ends.length]) {
      if (index > next) {
        if (used === 1) add(this.head);
        // A later run starts at the comma before its first message, which already has the short head.
        const start = used === 1 + this.head.length ? (this.bodies[next] as number) : (this.ends[next - 1] as number);
        add(this.bytes.subarray(start, this.ends[index - 1] as number));
      }
      next = index + 1;
    }
    rest[used++] = CLOSE;
    return rest.subarray(0, used);
  }

  /** Releases the senders. */
  clear(): void {
    this.own.clear();
  }

  private note(sender: Connection, index: number): void {
    const own = this.own.get(sender);
    if (own === undefined) this.own.set(sender, [index]);
    else own.push(index);
  }

  private put(byte: number): void {
    this.bytes[this.used++] = byte;
  }

  private copy(bytes: Uint8Array): void {
    this.bytes.set(bytes, this.used);
    this.used += bytes.length;
  }
}
