// One topic as a client sees it: its messages by callback or `for await`, its position, and every gap said aloud.
import type { Member, Position, ServerOp, Unrecovered } from '../protocol/ops.js';
import { fromBase64 } from './base64.js';
import { Emitter } from './emitter.js';

export interface Message<T = unknown> {
  readonly topic: string;
  /** The JSON that was published, a raw publisher's text, or bytes. */
  readonly data: T;
  /** Its number in the topic, where the relay keeps history. */
  readonly seq: number | undefined;
  /** The publisher's user name, where it has one. */
  readonly from: string | undefined;
}

/** Messages that did not arrive. */
export interface Gap {
  /** `lost`: the relay dropped them because this client read too slowly; `buffer-full`: nobody iterated in time; else why
   *  the relay could not replay what was missed while away. */
  readonly reason: Unrecovered | 'lost' | 'buffer-full';
  /** How many; undefined where that is not known. */
  readonly count?: number;
}

export interface SubscriptionEvents<T> {
  message: Message<T>;
  join: Member;
  leave: Member;
  gap: Gap;
  /** The relay holds the subscription (again); `replayed` is how many missed messages follow. */
  live: { readonly replayed: number };
}

/** What a subscription needs of its client. */
export interface SubscriptionHost {
  join(subscription: Subscription): void;
  leave(subscription: Subscription): void;
  presence(topic: string): Promise<{ members: readonly Member[]; count: number }>;
}

/** Own publishes that a replay would be spared; of more than these the oldest come back with it. */
const MAX_OWN = 10_000;

interface Reader<T> {
  readonly buffer: Message<T>[];
  wake: () => void;
}

export class Subscription<T = unknown> extends Emitter<SubscriptionEvents<T>> implements AsyncIterable<Message<T>> {
  /** `joining`: the relay has yet to confirm; what arrives meanwhile is dropped, since the confirmation replays it. */
  state: 'joining' | 'live' | 'ended' = 'joining';
  /** Resolves when the relay first confirms, rejects when it refuses. */
  readonly ready: Promise<void>;
  private position: Position | undefined;
  /** Own publishes ahead of the position: a replay would bring them back. */
  private readonly own = new Set<number>();
  private readonly readers = new Set<Reader<T>>();
  private failure: Error | undefined;
  private settle!: { resolve: () => void; reject: (error: Error) => void };

  constructor(
    readonly topic: string,
    private readonly host: SubscriptionHost,
    private readonly bufferLimit: number,
  ) {
    super();
    this.ready = new Promise((resolve, reject) => {
      this.settle = { resolve, reject };
    });
    this.ready.catch(() => {}); // whoever does not wait for it learns from the iterator or the client's `error`
  }

  /** Where to go on from after a disconnect; undefined where the relay keeps no history. */
  get since(): Position | undefined {
    return this.position;
  }

  /** Who is subscribed, as far as the relay shows it. */
  presence(): Promise<{ members: readonly Member[]; count: number }> {
    return this.host.presence(this.topic);
  }

  /** Leaves the topic, for every listener and iterator of this subscription. */
  unsubscribe(): void {
    if (this.state === 'ended') return;
    this.end();
    this.host.leave(this as unknown as Subscription);
  }

  /** Messages from now on. What is not taken in time is dropped beyond the buffer's limit, with a `gap`. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Message<T>, void, void> {
    const reader: Reader<T> = { buffer: [], wake: () => {} };
    this.readers.add(reader);
    try {
      for (;;) {
        const message = reader.buffer.shift();
        if (message) yield message;
        else if (this.failure) throw this.failure;
        else if (this.state === 'ended') return;
        else await new Promise<void>((wake) => Object.assign(reader, { wake }));
      }
    } finally {
      this.readers.delete(reader);
    }
  }

  /** The relay's answer to a `sub`. */
  confirmed(answer: Extract<ServerOp, { op: 'ok' }>): void {
    if (this.state === 'ended') return;
    this.state = 'live';
    if (!answer.recovered) {
      this.position = answer.epoch === undefined ? undefined : { epoch: answer.epoch, seq: answer.seq ?? 0 };
      this.own.clear();
    }
    if (answer.reason) this.emit('gap', { reason: answer.reason });
    this.settle.resolve();
    this.emit('live', { replayed: answer.replayed ?? 0 });
  }

  received(op: ServerOp): void {
    if (this.state !== 'live') return;
    if (op.op === 'msg') this.message(op);
    else if (op.op === 'join' || op.op === 'leave') this.emit(op.op, op.member);
    else if (op.op === 'lost') this.lost(op);
  }

  /** An own publish was numbered `seq`. */
  published(seq: number): void {
    if (!this.position || seq <= this.position.seq) return;
    this.own.add(seq);
    this.absorbOwn();
    // In a cluster numbers have gaps, and own ones wait here until somebody else publishes.
    if (this.own.size > MAX_OWN) this.own.delete(this.own.values().next().value as number);
  }

  /** The connection went; the next `sub` asks for what is missed from here on. */
  disconnected(): void {
    if (this.state === 'live') this.state = 'joining';
  }

  end(failure?: Error): void {
    this.state = 'ended';
    this.failure = failure;
    this.settle.reject(failure ?? new Error('unsubscribed'));
    for (const { wake } of this.readers) wake();
  }

  private message({ data, encoding, seq, from }: Extract<ServerOp, { op: 'msg' }>): void {
    if (seq !== undefined && this.position) {
      if (seq <= this.position.seq) return;
      this.position = { epoch: this.position.epoch, seq };
      if (this.own.delete(seq)) return;
      this.absorbOwn();
    }
    const content = (encoding === 'base64' ? fromBase64(data as string) : data) as T;
    const message: Message<T> = { topic: this.topic, data: content, seq, from };
    this.emit('message', message);
    for (const reader of this.readers) this.buffer(reader, message);
  }

  private buffer(reader: Reader<T>, message: Message<T>): void {
    reader.buffer.push(message);
    if (reader.buffer.length > this.bufferLimit) {
      reader.buffer.shift();
      this.emit('gap', { reason: 'buffer-full', count: 1 });
    }
    reader.wake();
  }

  private lost({ count, recoverable }: Extract<ServerOp, { op: 'lost' }>): void {
    if (!recoverable) {
      this.emit('gap', { reason: 'lost', count });
      return;
    }
    this.state = 'joining';
    this.host.join(this as unknown as Subscription);
  }

  private absorbOwn(): void {
    let { epoch, seq } = this.position as Position;
    for (const own of this.own) {
      if (own > seq) break; // they are in rising order
      this.own.delete(own);
    }
    while (this.own.delete(seq + 1)) seq++;
    this.position = { epoch, seq };
  }
}
