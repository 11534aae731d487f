// One topic as a client sees it: its messages by callback or `for await`, its position, and every gap said aloud.
import type { Member, Position, ServerOp, Unrecovered } from '../protocol/ops.js';
import { fromBase64 } from './base64.js';
import { Emitter } from './emitter.js';
import { createAlarm } from './times.js';

export interface Message<T = unknown> {
  readonly topic: string;
  /** The JSON that was published, a raw publisher's text, or bytes. */
  readonly data: T;
  /** Its number in the topic, where the relay keeps history. */
  readonly seq: number | undefined;
  /** The publisher's user name, where it has one. */
  readonly from: string | undefined;
}

/** What counts is the first subscribe() of a topic. */
export interface SubscribeOptions {
  /** What of the past comes first: so many of the last messages that the relay keeps, those of a time such as `"30s"`,
   *  the `"last"` (of each key), or `"all"`. By default the state, where the relay keeps one, else nothing. */
  readonly rewind?: number | string;
  /** The same, by number. */
  readonly history?: number;
  /** Be written to at most once in so many ms, where that is longer than the topic's own delivery window. */
  readonly every?: number;
}

export interface JoinOptions {
  rewind: number | string | undefined;
  readonly every: number | undefined;
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
  _join(subscription: Subscription): void;
  _leave(subscription: Subscription): void;
  presence(topic: string): Promise<{ members: readonly Member[]; count: number }>;
  /** Whether a publish id is this client's. */
  _recognise(pid: string, seq: number | undefined): boolean;
  /** Told what a listener threw. */
  _report(thrown: unknown): void;
}

interface Reader<T> {
  readonly _buffer: Message<T>[];
  _wake(): void;
}

export class Subscription<T = unknown> extends Emitter<SubscriptionEvents<T>> implements AsyncIterable<Message<T>> {
  /** `joining`: the relay has yet to confirm; what arrives meanwhile is dropped, since the confirmation replays it. */
  state: 'joining' | 'live' | 'ended' = 'joining';
  #settle!: { resolve: () => void; reject: (error: Error) => void };
  /** Resolves when the relay first confirms. Rejects when it first refuses; where that passes (`retryAfterMs`) the
   *  subscription goes on trying, and `live` tells of its success. */
  readonly ready = new Promise<void>((resolve, reject) => {
    this.#settle = { resolve, reject };
  });
  #position: Position | undefined;
  readonly #readers = new Set<Reader<T>>();
  #failure: Error | undefined;
  readonly #retry = createAlarm();

  readonly #host: SubscriptionHost;
  readonly #bufferLimit: number;
  constructor(
    readonly topic: string,
    /** What a `sub` asks for. */
    readonly _options: JoinOptions,
    host: SubscriptionHost,
    bufferLimit: number,
  ) {
    super();
    this.#host = host;
    this.#bufferLimit = bufferLimit;
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
    this._end();
    this.#host._leave(this as unknown as Subscription);
  }

  /** Messages from now on. What is not taken in time is dropped beyond the buffer's limit, with a `gap`. */
  [Symbol.asyncIterator](): AsyncGenerator<Message<T>, void, void> {
    const reader: Reader<T> = { _buffer: [], _wake: () => {} };
    this.#readers.add(reader); // now, and not when the first message is asked for
    return this.#read(reader);
  }

  async *#read(reader: Reader<T>): AsyncGenerator<Message<T>, void, void> {
    try {
      for (;;) {
        const message = reader._buffer.shift();
        if (message) yield message;
        else if (this.#failure) throw this.#failure;
        else if (this.state === 'ended') return;
        else await new Promise<void>((wake) => Object.assign(reader, { _wake: wake }));
      }
    } finally {
      this.#readers.delete(reader);
    }
  }

  /** The relay's answer to a `sub`. */
  _confirmed({ epoch, seq = 0, after, kept, recovered, reason, replayed = 0 }: Extract<ServerOp, { op: 'ok' }>): void {
    if (this.state === 'ended') return;
    this.state = 'live';
    if (!recovered) {
      this.#position = epoch ? { epoch, seq: after ?? seq } : undefined;
    }
    this.#settle.resolve();
    if (reason) this._emit('gap', { reason });
    else if (kept) this._emit('gap', { reason: 'not-asked', count: kept });
    this._emit('live', { replayed });
  }

  /** The relay refused for now: `retry` after a while. */
  _refused(error: Error, waitMs: number, retry: () => void): void {
    this.#settle.reject(error);
    this.#retry(retry, waitMs);
  }

  _received(op: ServerOp): void {
    if (this.state !== 'live') return;
    if (op.op === 'msg') this.#message(op);
    else if (op.op === 'join' || op.op === 'leave') this._emit(op.op, op.member);
    else if (op.op === 'lost') {
      if (op.recoverable) {
        this.state = 'joining';
        this.#host._join(this as unknown as Subscription);
      } else this._emit('gap', { reason: 'lost', count: op.count });
    }
  }

  /** An own publish was numbered `seq`, and will not be heard here: where it is the next, the position moves past
   *  it. */
  _published(seq = 0): void {
    if (this.#position?.seq === seq - 1) this.#position = { ...this.#position, seq };
  }

  /** The connection went; the next `sub` asks for what is missed from here on. */
  _disconnected(): void {
    this.#retry();
    if (this.state === 'live') this.state = 'joining';
  }

  _end(failure?: Error): void {
    this.#retry();
    this.state = 'ended';
    this.#failure = failure;
    this.#settle.reject(failure ?? new Error('unsubscribed'));
    for (const { _wake: wake } of this.#readers) wake();
  }

  protected _report(thrown: unknown): void {
    this.#host._report(thrown);
  }

  #message({ data, encoding, seq, from, pid }: Extract<ServerOp, { op: 'msg' }>): void {
    if (seq !== undefined && this.#position) {
      if (seq <= this.#position.seq) return;
      this.#position = { ...this.#position, seq };
    }
    // A replay brings back what this client published; live it never hears itself.
    if (pid && this.#host._recognise(pid, seq)) return;
    const content = (encoding === 'base64' ? fromBase64(data as string) : data) as T;
    const message: Message<T> = { topic: this.topic, data: content, seq, from };
    for (const { _buffer: buffer, _wake: wake } of this.#readers) {
      if (buffer.push(message) > this.#bufferLimit) {
        buffer.shift();
        this._emit('gap', { reason: 'buffer-full', count: 1 });
      }
      wake();
    }
    this._emit('message', message);
  }
}
