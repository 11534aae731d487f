// The client: one connection that comes back by itself, its subscriptions, and what waits to be sent meanwhile.
import type { FanwireError } from '../base/error.js';
import type { Limits, Member, ServerOp } from '../protocol/ops.js';
import { ClientConnection } from './connection.js';
import { closedFault, fault } from './fault.js';
import type { WebSocketClass } from './link.js';
import { createOutbox, type OkOp, type Outbox, type RefusalError, refusedBy } from './outbox.js';
import { pubText, type Unpublishable } from './payload.js';
import { type Message, type SubscribeOptions, Subscription, type SubscriptionHost } from './subscription.js';
import { bounded, MAX_TIMER_MS } from './times.js';
import type { TokenSource } from './token.js';
import { scope } from './wake.js';

/** A number that is 0 or NaN counts as not given. */
export interface ClientOptions {
  /** A token, or a function that gives one. It is called for each connection, and again before a token ends. */
  readonly token?: TokenSource;
  /** For runtimes without a global WebSocket (Node 20): the `ws` package's class. */
  readonly WebSocket?: unknown;
  /** Upper bound of the first wait before reconnecting, in ms; it doubles with each failure. Default 500. */
  readonly backoffBaseMs?: number;
  /** Upper bound of any wait before reconnecting, in ms. Default 30,000. */
  readonly backoffCapMs?: number;
  /** How many publishes may wait for a connection or for the relay's limits; beyond that publish() rejects. Default
   *  1,000. */
  readonly queueLimit?: number;
  /** Bytes of all that waits; beyond that publish() rejects. As many more may be without an answer; beyond that the
   *  next wait. Default 64 MiB. */
  readonly queueLimitBytes?: number;
  /** Messages that an iterator holds while its loop is behind; beyond that the oldest are dropped, with a `gap`.
   *  Default 1,000. */
  readonly bufferLimit?: number;
  /** Milliseconds after which an unanswered opening, or a token provider that does not answer, is given up. Default
   *  10,000. */
  readonly connectTimeoutMs?: number;
  /** Milliseconds of silence after which a ping is sent. Default 25,000. */
  readonly heartbeatMs?: number;
  /** Milliseconds, over all reconnects, after which a publish that was sent and not answered rejects as unconfirmed.
   *  Default 120,000. */
  readonly confirmMs?: number;
}

export interface PublishOptions {
  /** Tells messages of a topic apart where the relay delivers only the newest message of each key (1 to 200 bytes). */
  readonly key?: string;
}

/** The relay's confirmation of a publish. */
export interface Published {
  /** Its number in the topic; undefined where the relay keeps no history of the topic, or could not number the
   *  message (a cluster without NATS). */
  readonly seq: number | undefined;
}

const DEFAULTS = {
  backoffBaseMs: 500,
  backoffCapMs: 30_000,
  queueLimit: 1000,
  queueLimitBytes: 2 ** 26,
  bufferLimit: 1000,
  connectTimeoutMs: 10_000,
  heartbeatMs: 25_000,
  confirmMs: 120_000,
};

export class FanwireClient extends ClientConnection implements SubscriptionHost {
  readonly #subscriptions = new Map<unknown, Subscription>();
  readonly #outbox: Outbox;
  readonly #bufferLimit: number;
  /** The relay has sent its first op on this connection. */
  #isGreeted = false;

  /** Connects at once. @throws FanwireError FANWIRE_CLIENT_WEBSOCKET where there is no WebSocket to use */
  constructor(url: string | URL, options: ClientOptions = {}) {
    const { WebSocket = scope.WebSocket, token } = options;
    if (typeof WebSocket !== 'function') {
      throw fault('WEBSOCKET', 'pass { WebSocket }');
    }
    const numbers = { ...DEFAULTS };
    let name: keyof typeof DEFAULTS;
    for (name in numbers) {
      numbers[name] = bounded(options[name] || numbers[name], 1, MAX_TIMER_MS);
    }
    super({ url: `${url}`, token, WebSocket: WebSocket as WebSocketClass, ...numbers });
    this.#bufferLimit = numbers.bufferLimit;
    this.#outbox = createOutbox(numbers, (text) => this._send(text));
    void this._connect();
  }

  /** Publishes that wait for a connection or for the relay's limits. */
  get queued(): number {
    return this.#outbox._waiting();
  }

  /** Joins a topic now and after every reconnect. A second call for the same topic returns the same subscription. */
  subscribe<T = unknown>(
    topic: string,
    onMessage?: (message: Message<T>) => unknown,
    { history, rewind = history || undefined, every }: SubscribeOptions = {},
  ): Subscription<T> {
    let subscription = this.#subscriptions.get(topic);
    if (!subscription) {
      subscription = new Subscription(topic, { rewind, every }, this, this.#bufferLimit);
      if (this.state === 'closed') subscription._end(closedFault());
      else {
        this.#subscriptions.set(topic, subscription);
        this.#rejoin(subscription);
      }
    }
    const typed = subscription as unknown as Subscription<T>;
    if (onMessage) typed.on('message', onMessage);
    return typed;
  }

  /** Publishes any JSON value, or bytes (an ArrayBuffer or a view of one). Resolves when the relay has taken it. It
   *  waits in the queue while there is no connection. If a connection ends before the answer came, it is sent again,
   *  and still arrives once. Rejects with FanwireError: FANWIRE_CLIENT_DATA, FANWIRE_CLIENT_TOO_BIG,
   *  FANWIRE_CLIENT_QUEUE_FULL, FANWIRE_CLIENT_UNCONFIRMED (it may or may not have been published),
   *  FANWIRE_CLIENT_CLOSED, or the relay's refusal. */
  publish<T>(
    topic: string,
    data: T extends Unpublishable ? never : T,
    { key }: PublishOptions = {},
  ): Promise<Published> {
    return new Promise((resolve, reject) => {
      const text = pubText(topic, data, key);
      const taken = ({ seq }: OkOp): void => {
        this.#subscriptions.get(topic)?._published(seq);
        resolve({ seq });
      };
      this.#outbox._ask(text, taken, reject, true);
    });
  }

  /** Who is subscribed to a topic: the first members, and how many there are. Needs presence on the relay. */
  async presence(topic: string): Promise<{ members: readonly Member[]; count: number }> {
    const { members = [], count = 0 } = await this._answerTo({ op: 'presence', topic });
    return { members, count };
  }

  _join(subscription: Subscription): void {
    const { topic, since, _options } = subscription;
    this.#outbox._ask(
      JSON.stringify({ op: 'sub', topic, since, ..._options }),
      (answer) => subscription._confirmed(answer),
      (error) => this.#refused(subscription, error),
    );
  }

  _leave({ topic }: Subscription): void {
    this.#subscriptions.delete(topic);
    if (this.#isGreeted) this._send(JSON.stringify({ op: 'unsub', topic }));
  }

  _recognise(pid: string, seq: number | undefined): boolean {
    return this.#outbox._recognise(pid, seq);
  }

  _report(thrown: unknown): void {
    this._emit('error', thrown as FanwireError);
  }

  /** Asks the relay for the subscription now if there is a connection; otherwise the next connection does. */
  #rejoin(subscription: Subscription): void {
    if (subscription.state === 'joining' && this.#isGreeted) this._join(subscription);
  }

  #refused(subscription: Subscription, error: RefusalError): void {
    const { code, retryAfterMs } = error;
    // If the connection has ended, the next one asks again.
    if (subscription.state === 'ended' || !this.#isGreeted) return;
    if (code === 'FANWIRE_NOT_KEPT' && subscription._options.rewind !== undefined) {
      // The relay keeps no past of this topic: join without a rewind.
      subscription._options.rewind = undefined;
      this.#rejoin(subscription);
    } else if (retryAfterMs === undefined && !code.startsWith('FANWIRE_CLIENT')) this.#end(subscription, error);
    else {
      const waitMs = bounded(retryAfterMs) + this._waitMs(subscription._refusals++);
      subscription._refused(error, waitMs, () => this.#rejoin(subscription));
    }
    this._emit('error', error);
  }

  #end(subscription: Subscription, error: FanwireError): void {
    this.#subscriptions.delete(subscription.topic);
    subscription._end(error);
  }

  protected _answerTo(op: object): Promise<OkOp> {
    return new Promise((resolve, reject) => this.#outbox._ask(JSON.stringify(op), resolve, reject));
  }

  protected _heard(op: ServerOp): void {
    if (!this.#isGreeted) {
      // This is the relay's first op. If it states no limits, assume that there are none.
      this.#isGreeted = true;
      this.#outbox._open((op as { limits?: Limits }).limits, () => {
        for (const subscription of this.#subscriptions.values()) this.#rejoin(subscription);
      });
    }
    if (this.#outbox._answer(op)) return;
    const subscription = this.#subscriptions.get((op as { topic?: string }).topic);
    if (op.op !== 'error') subscription?._received(op);
    else {
      const error = refusedBy(op);
      // Without retryAfterMs: the relay took this client out of the topic, since its new token does not permit it.
      if (subscription && op.retryAfterMs === undefined) this.#end(subscription, error);
      this._emit('error', error);
    }
  }

  protected _disconnected(end?: FanwireError): void {
    this.#isGreeted = false;
    for (const subscription of this.#subscriptions.values()) {
      if (end) subscription._end(end);
      else subscription._disconnected();
    }
    if (end) this.#subscriptions.clear();
    this.#outbox._disconnected(end);
  }
}
