// One topic as a client sees it: its messages by callback or `for await`, its position, and every gap reported.
import type { Member, Position, ServerOp, Unrecovered } from '../protocol/ops.js';
import { fromBase64 } from './base64.js';
import { Emitter } from './emitter.js';
import { closedFault } from './fault.js';
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

/** Only the options of the first subscribe() of a topic count. */
export interface SubscribeOptions {
  /** Which past messages come first: this many of the last that the relay keeps, those of a time such as `"30s"`,
   *  the `"last"` (of each key), or `"all"`. By default the state, where the relay keeps one, else nothing. */
  readonly rewind?: number | string;
  /** The same as `rewind`, as a number of messages. */
  readonly history?: number;
  /** Least milliseconds between two deliveries to this client, where that is longer than the topic's own delivery
   *  window. */
  readonly every?: number;
}

export interface JoinOptions {
  rewind: number | string | undefined;
  readonly every: number | undefined;
}

/** Messages that did not arrive. */
export interface Gap {
  /** `lost`: the relay dropped them because this client read too slowly; `buffer-full`: no iterator took them in
   *  time; `not-asked`: at the first join, the relay keeps messages and no `rewind` was asked for; any other value:
   *  why the relay could not replay what was missed while disconnected. */
  readonly reason: Unrecovered | 'lost' | 'buffer-full' | 'not-asked';
  /** How many messages; undefined if that is not known. */
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
  /** Whether a publish id is one of this client's, unless it was rejected as unconfirmed. */
  _recognise(pid: string, seq: number | undefined): boolean;
  /** Told what a listener threw. */
  _report(thrown: unknown): void;
}

interface Reader<T> {
  readonly _buffer: Message<T>[];
  _wake(): void;
}

export class Subscription<T = unknown> extends Emitter<SubscriptionEvents<T>> implements AsyncIterable<Message<T>> {
  /** `joining`: the relay has yet to confirm; messages that arrive before are dropped, since they are replayed after
   *  it. */
  state: 'joining' | 'live' | 'ended' = 'joining';
  #settle!: { resolve: () => void; reject: (error: Error) => void };
  /** Resolves when the relay first confirms. Rejects when it first refuses; if the refusal is temporary
   *  (`retryAfterMs`), the subscription goes on trying, and `live` reports its success. */
  readonly ready = new Promise<void>((resolve, reject) => {
    this.#settle = { resolve, reject };
  });
  /** The position from which the subscription resumes after a disconnect; undefined where the relay keeps no
   *  history. */
  since: Position | undefined;
  /** How often in a row the relay refused it for now. */
  _refusals = 1;
  readonly #readers = new Set<Reader<T>>();
  #failure: Error | undefined;
  readonly #retry = createAlarm();

  readonly #host: SubscriptionHost;
  readonly #bufferLimit: number;
  readonly topic: string;
  /** What a `sub` asks for. */
  readonly _options: JoinOptions;
  constructor(topic: string, options: JoinOptions, host: SubscriptionHost, bufferLimit: number) {
    super();
    this.topic = topic;
    this._options = options;
    this.#host = host;
    this.#bufferLimit = bufferLimit;
    this.ready.catch(() => {}); // reported by the iterator or the client's `error` as well
  }

  /** The subscribers, as far as the relay shows them. */
  presence(): Promise<{ members: readonly Member[]; count: number }> {
    return this.#host.presence(this.topic);
  }

  /** Leaves the topic, for every listener and iterator of this subscription. */
  unsubscribe(): void {
    if (this.state === 'ended') return;
    this._end();
    this.#host._leave(this as unknown as Subscription);
  }

  /** Messages from now on. Those not taken in time are dropped once the buffer is full, with a `gap`. */
  [Symbol.asyncIterator](): AsyncGenerator<Message<T>, void, void> {
    const reader: Reader<T> = { _buffer: [], _wake: () => {} };
    this.#readers.add(reader); // from now on, not from the first message that is asked for
    return this.#read(reader);
  }

  async *#read(reader: Reader<T>): AsyncGenerator<Message<T>, void, void> {
    try {
      for (;;) {
        const message = reader._buffer.shift();
        if (message) yield message;
        else if (this.#failure) throw this.#failure;
        else if (this.state === 'ended') return;
        else {
          await new Promise<void>((wake) => {
            reader._wake = wake;
          });
        }
      }
    } finally {
      this.#readers.delete(reader);
    }
  }

  /** The relay's answer to a `sub`. */
  _confirmed({
    epoch,
    seq,
    after = seq,
    kept,
    recovered,
    reason,
    replayed = 0,
  }: Extract<ServerOp, { op: 'ok' }>): void {
    if (this.state === 'ended') return;
    this.state = 'live';
    if (!recovered) {
      this.since = epoch && Number.isSafeInteger(after) ? { epoch, seq: after as number } : undefined;
    }
    this._refusals = 1;
    this.#settle.resolve();
    if (reason) this._emit('gap', { reason });
    else if (kept) this._emit('gap', { reason: 'not-asked', count: kept });
    // A listener of the gap may have left.
    if (this.state === 'live') this._emit('live', { replayed });
  }

  /** The relay refused for now: calls `retry` after a while. */
  _refused(error: Error, waitMs: number, retry: () => void): void {
    this.#settle.reject(error);
    this.#retry(retry, waitMs);
  }

  _received(op: ServerOp): void {
    if (this.state !== 'live') return;
    if (op.op === 'msg') this.#message(op);
    else if (op.op === 'join' || op.op === 'leave') this._emit(op.op, op.member);
    else if (op.op === 'lost') {
      if (op.recoverable && this.since) {
        this.state = 'joining';
        this.#host._join(this as unknown as Subscription);
      } else this._emit('gap', { reason: 'lost', count: op.count });
    }
  }

  /** The relay numbered a publish of this client `seq`. It is not delivered here: if it is the next number, the
   *  position moves past it. */
  _published(seq: number | undefined): void {
    if (this.since?.seq === (seq as number) - 1) this.since = { ...this.since, seq: seq as number };
  }

  /** The connection ended; the next `sub` asks for what is missed from here on. */
  _disconnected(): void {
    this.#retry();
    if (this.state === 'live') this.state = 'joining';
  }

  _end(failure?: Error): void {
    this.#retry();
    this.state = 'ended';
    this.#failure = failure;
    this.#settle.reject(failure ?? closedFault());
    for (const { _wake: wake } of this.#readers) wake();
  }

  protected _report(thrown: unknown): void {
    this.#host._report(thrown);
  }

  #message({ data, encoding, seq, from, pid }: Extract<ServerOp, { op: 'msg' }>): void {
    // A number that no relay gives must not move the position to where nothing comes any more.
    if (this.since && Number.isSafeInteger(seq)) {
      if ((seq as number) <= this.since.seq) return;
      this.since = { ...this.since, seq: seq as number };
    }
    // A replay includes what this client published; the live stream does not.
    if (pid && this.#host._recognise(pid, seq)) return;
    const message = {
      topic: this.topic,
      data: encoding === 'base64' ? fromBase64(data as string) : data,
      seq,
      from,
    } as Message<T>;
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
