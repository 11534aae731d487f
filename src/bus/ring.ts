// A queue of records from one thread to another in shared memory. `publish` makes all that was written visible at once,
// and wakes the reader by a message on a port only if it is asleep: one crossing per loop turn, however many messages,
// without allocation. It costs two thirds of postMessage with a transferred ArrayBuffer (docs/scaling.md, `npm run
// bench:crossing`).
import type { MessagePort } from 'node:worker_threads';
import { MORE, type Received, readRingRecord, recordBound, SAME_TOPIC, writeRingRecord } from './record.js';

/** Words of the control block, each on a cache line of its own, since each is written by another side or at another
 *  time: how far the reader is, how far the writer, and whether the reader is or will be awake. */
const WORDS_PER_LINE = 16;
const HEAD = 0;
export const TAIL = WORDS_PER_LINE;
const AWAKE = 2 * WORDS_PER_LINE;
const CONTROL_BYTES = 3 * WORDS_PER_LINE * 4;
/** In place of a record's length: the rest of the ring is unused, the next record is at its start. */
const WRAP = 0;

/** Memory for a ring of `bytes` (a power of two). */
export function allocateRing(bytes: number): SharedArrayBuffer {
  return new SharedArrayBuffer(CONTROL_BYTES + bytes);
}

abstract class Ring {
  protected readonly control: Int32Array;
  protected readonly bytes: Buffer;
  readonly capacity: number;

  constructor(shared: SharedArrayBuffer) {
    this.control = new Int32Array(shared, 0, CONTROL_BYTES / 4);
    this.bytes = Buffer.from(shared, CONTROL_BYTES);
    this.capacity = this.bytes.length;
  }
}

export class RingWriter extends Ring {
  /** Payload bytes one record may carry: a quarter of the ring, so that a long message streams through. */
  readonly maxPayloadBytes: number;
  private tail: number;
  private published: number;
  /** Where the reader was when last looked at: it is on another core, so that looking costs a cache miss. */
  private head = 0;
  private lastTopic: string | undefined;

  constructor(
    shared: SharedArrayBuffer,
    private readonly port: Pick<MessagePort, 'postMessage'>,
  ) {
    super(shared);
    this.maxPayloadBytes = this.capacity >>> 2;
    this.tail = Atomics.load(this.control, TAIL);
    this.published = this.tail;
    this.head = Atomics.load(this.control, HEAD);
  }

  /** Writes a record, which the reader sees after `publish`. False, and nothing written, where there is no room now. */
  write(topic: string, kind: number, payload: Uint8Array, more: boolean): boolean {
    const bound = recordBound(topic, payload.length);
    let at = this.tail & (this.capacity - 1);
    const skip = at + bound > this.capacity ? this.capacity - at : 0;
    if (!this.hasRoomFor(skip + bound)) return false;
    if (skip > 0) {
      this.bytes.writeUInt32LE(WRAP, at);
      this.tail = (this.tail + skip) | 0;
      at = 0;
    }
    const flags = (topic === this.lastTopic ? SAME_TOPIC : 0) | (more ? MORE : 0);
    this.tail = (this.tail + writeRingRecord(this.bytes, at, topic, kind, flags, payload)) | 0;
    this.lastTopic = topic;
    return true;
  }

  private hasRoomFor(bytes: number): boolean {
    if (((this.tail - this.head) >>> 0) + bytes <= this.capacity) return true;
    this.head = Atomics.load(this.control, HEAD);
    return ((this.tail - this.head) >>> 0) + bytes <= this.capacity;
  }

  /** Shows the reader what was written, and wakes it unless it is awake. */
  publish(): void {
    if (this.tail === this.published) return;
    this.published = this.tail;
    Atomics.store(this.control, TAIL, this.tail);
    if (Atomics.exchange(this.control, AWAKE, 1) === 0) this.port.postMessage(0);
  }
}

export class RingReader extends Ring {
  private head: number;
  private readonly record: Received = { length: 0, kind: 0, topic: '', payload: new Uint8Array(0), more: false };

  constructor(shared: SharedArrayBuffer) {
    super(shared);
    this.head = Atomics.load(this.control, HEAD);
  }

  /** Hands every record published before this call to `take`, which must not keep it. Returns how many there were. */
  drain(take: (record: Received) => void): number {
    const tail = Atomics.load(this.control, TAIL);
    const giveBackEvery = this.capacity >>> 3;
    let count = 0;
    let given = this.head;
    while (this.head !== tail) {
      const at = this.head & (this.capacity - 1);
      if (this.bytes.readUInt32LE(at) === WRAP) {
        this.head = (this.head + this.capacity - at) | 0;
        continue;
      }
      readRingRecord(this.bytes, at, this.record);
      take(this.record);
      this.head = (this.head + this.record.length) | 0;
      // A writer that waits for room goes on while this side still reads.
      if ((this.head - given) >>> 0 > giveBackEvery) {
        given = this.head;
        Atomics.store(this.control, HEAD, given);
      }
      count++;
    }
    Atomics.store(this.control, HEAD, this.head);
    return count;
  }

  /** Goes to sleep: the next publish wakes it through the port. False, and still awake, where there is more to read. */
  sleep(): boolean {
    Atomics.store(this.control, AWAKE, 0);
    if (Atomics.load(this.control, TAIL) === this.head) return true;
    Atomics.store(this.control, AWAKE, 1);
    return false;
  }
}
