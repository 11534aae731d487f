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
  /** `lost`: the relay dropped them because this client read too slowly; `buffer-full`: nobody iterated in time;
   *  `not-asked`: at the first join, the relay keeps messages and no `rewind` was asked for; else why
   *  the relay could not replay what was missed while away. */
  readonly reason: Unrecovered | 'lost' | 'buffer-full' | 'not-asked';
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
  /** Whether a publish id is this client's. */
  recognise(pid: string, seq: number | undefined): boolean;
  /** Told what a listener threw. */
  report(thrown: unknown): void;
}

interface Reader<T> {
  readonly buffer: Message<T>[];
  wake: () => void;
}

export class Subscription<T = unknown> extends Emitter<SubscriptionEvents<T>> implements AsyncIterable<Message<T>> {
  /** `joining`: the relay has yet to confirm; what arrives meanwhile is dropped, since the confirmation replays it. */
  state: 'joining' | 'live' | 'ended' = 'joining';
  /** Resolves when the relay first confirms. Rejects when it first refuses; where that passes (`retryAfterMs`) the
   *  subscription goes on trying, and `live` tells of its success. */
  readonly ready: Promise<void>;
  #position: Position | undefined;
  readonly #readers = new Set<Reader<T>>();
  #failure: Error | undefined;
  #retryTimer: ReturnType<typeof setTimeout> | undefined;
  #settle!: { resolve: () => void; reject: (error: Error) => void };

  readonly #host: SubscriptionHost;
  readonly #bufferLimit: number;
  constructor(
    readonly topic: string,
    /** What of the messages kept comes first. */
    public rewind: number | string | undefined,
    host: SubscriptionHost,
    bufferLimit: number,
  ) {
    super();
    this.#host = host;
    this.#bufferLimit = bufferLimit;
    this.ready = new Promise((resolve, reject) => {
      this.#settle = { resolve, reject };
    });
    this.ready.catch(() => {}); // whoever does not wait for it learns from the iterator or the client's `error`
  }

  /** Where to go on from after a disconnect; undefined where the relay keeps no history. */
  get since(): Position | undefined {
    return this.#position;
  }

  /** Who is subscribed, as far as the relay shows it. */
  presence(): Promise<{ members: readonly Member[]; count: number }> {
    return this.#host.presence(this.topic);
  }

  /** Leaves the topic, for every listener and iterator of this subscription. */
  unsubscribe(): void {
    if (this.state === 'ended') return;
    this.end();
    this.#host.leave(this as unknown as Subscription);
  }

  /** Messages from now on. What is not taken in time is dropped beyond the buffer's limit, with a `gap`. */
  [Symbol.asyncIterator](): AsyncGenerator<Message<T>, void, void> {
    const reader: Reader<T> = { buffer: [], wake: () => {} };
    this.#readers.add(reader); // now, and not when the first message is asked for
    return this.#read(reader);
  }

  async *#read(reader: Reader<T>): AsyncGenerator<Message<T>, void, void> {
    try {
      for (;;) {
        const message = reader.buffer.shift();
        if (message) yield message;
        else if (this.#failure) throw this.#failure;
        else if (this.state === 'ended') return;
        else await new Promise<void>((wake) => Object.assign(reader, { wake }));
      }
    } finally {
      this.#readers.delete(reader);
    }
  }

  /** The relay's answer to a `sub`. */
  confirmed({ epoch, seq = 0, after, kept, recovered, reason, replayed = 0 }: Extract<ServerOp, { op: 'ok' }>): void {
    if (this.state === 'ended') return;
    this.state = 'live';
    if (!recovered) {
      this.#position = epoch === undefined ? undefined : { epoch, seq: after ?? seq };
    }
    this.#settle.resolve();
    if (reason) this.emit('gap', { reason });
    else if (kept) this.emit('gap', { reason: 'not-asked', count: kept });
    this.emit('live', { replayed });
  }

  /** The relay refused for now: `retry` after a while. */
  refused(error: Error, waitMs: number, retry: () => void): void {
    this.#settle.reject(error);
    clearTimeout(this.#retryTimer);
    this.#retryTimer = setTimeout(retry, waitMs);
  }

  received(op: ServerOp): void {
    if (this.state !== 'live') return;
    if (op.op === 'msg') this.#message(op);
    else if (op.op === 'join' || op.op === 'leave') this.emit(op.op, op.member);
    else if (op.op === 'lost') this.#lost(op);
  }

  /** An own publish was numbered `seq`, and will not be heard here: where it is the next, the position moves past
   *  it. */
  published(seq: number): void {
    if (this.#position?.seq === seq - 1) this.#position = { ...this.#position, seq };
  }

  /** The connection went; the next `sub` asks for what is missed from here on. */
  disconnected(): void {
    clearTimeout(this.#retryTimer);
    if (this.state === 'live') this.state = 'joining';
  }

  end(failure?: Error): void {
    clearTimeout(this.#retryTimer);
    this.state = 'ended';
    this.#failure = failure;
    this.#settle.reject(failure ?? new Error('unsubscribed'));
    for (const { wake } of this.#readers) wake();
  }

  protected report(thrown: unknown): void {
    this.#host.report(thrown);
  }

  #message({ data, encoding, seq, from, pid }: Extract<ServerOp, { op: 'msg' }>): void {
    if (seq !== undefined && this.#position) {
      if (seq <= this.#position.seq) return;
      this.#position = { ...this.#position, seq };
    }
    // A replay brings back what this client published; live it never hears itself.
    if (pid && this.#host.recognise(pid, seq)) return;
    const content = (encoding === 'base64' ? fromBase64(data as string) : data) as T;
    const message: Message<T> = { topic: this.topic, data: content, seq, from };
    for (const reader of this.#readers) this.#buffer(reader, message);
    this.emit('message', message);
  }

  #buffer(reader: Reader<T>, message: Message<T>): void {
    reader.buffer.push(message);
    if (reader.buffer.length > this.#bufferLimit) {
      reader.buffer.shift();
      this.emit('gap', { reason: 'buffer-full', count: 1 });
    }
    reader.wake();
  }

  #lost({ count, recoverable }: Extract<ServerOp, { op: 'lost' }>): void {
    if (!recoverable) {
      this.emit('gap', { reason: 'lost', count });
      return;
    }
    this.state = 'joining';
    this.#host.join(this as unknown as Subscription);
  }
}
