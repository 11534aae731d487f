// The client: one connection that comes back by itself, its subscriptions, and what waits to be sent meanwhile.
import { errorFrom, FanwireError } from '../base/error.js';
import type { Member, ServerOp } from '../protocol/ops.js';
import { fullJitterMs } from './backoff.js';
import { toBase64 } from './base64.js';
import { Emitter } from './emitter.js';
import { Link, type LinkEnd, type WebSocketClass } from './link.js';
import { type Answer, Outbox } from './outbox.js';
import { type Message, Subscription, type SubscriptionHost } from './subscription.js';
import { renewAfterMs, withToken } from './token.js';

/**
 * `connecting`: a token is fetched and a socket opened. `open`: connected. `waiting`: between two attempts.
 * `closed`: by close(), or because a refused token has no provider that could give another; final.
 */
export type ClientState = 'connecting' | 'open' | 'waiting' | 'closed';

export interface ClientOptions {
  /** A token, or what gives one; asked again for each connection and in time before a JWT ends. */
  readonly token?: string | (() => string | Promise<string>);
  /** For runtimes without a global WebSocket (Node 20): the `ws` package's class. */
  readonly WebSocket?: unknown;
  /** Upper bound of the first wait before reconnecting, in ms; it doubles with each failure. Default 500. */
  readonly backoffBaseMs?: number;
  /** Upper bound of any wait before reconnecting, in ms. Default 30,000. */
  readonly backoffCapMs?: number;
  /** Publishes kept while there is no connection; beyond it publish() rejects. Default 1,000. */
  readonly queueLimit?: number;
  /** Messages an iterator holds for a loop that is behind; beyond it the oldest go, with a `gap`. Default 1,000. */
  readonly bufferLimit?: number;
  /** Milliseconds until an unanswered opening is given up. Default 10,000. */
  readonly connectTimeoutMs?: number;
  /** Milliseconds of silence until a ping, and again until the connection is given up. Default 25,000. */
  readonly heartbeatMs?: number;
}

export interface ClientEvents {
  state: ClientState;
  /** What no promise tells: a refused subscription or token, a connection that ended with a reason. */
  error: FanwireError;
  /** The relay is going away; the client reconnects after this many ms. */
  drain: number;
}

/** How a publish was taken. */
export interface Published {
  /** Its number in the topic, where the relay keeps history. */
  readonly seq: number | undefined;
}

/** A connection that lasted this long was a good one: the next wait starts from the base again. */
const STABLE_MS = 5000;

/** setTimeout's limit. */
const MAX_TIMEOUT_MS = 2 ** 31 - 1;

const UNAUTHENTICATED = 4401;

type Timer = ReturnType<typeof setTimeout>;

export class FanwireClient extends Emitter<ClientEvents> implements SubscriptionHost {
  private current: ClientState = 'waiting';
  private link: Link | undefined;
  private openedAtMs = 0;
  private failures = 0;
  /** When to reconnect, as a drain said; undefined without one. */
  private reconnectAtMs: number | undefined;
  private retryTimer: Timer | undefined;
  private renewTimer: Timer | undefined;
  private drainTimer: Timer | undefined;
  private readonly subscriptions = new Map<string, Subscription>();
  private readonly outbox: Outbox;
  private readonly WebSocket: WebSocketClass;

  /** Connects at once. @throws FanwireError FANWIRE_CLIENT_WEBSOCKET where there is no WebSocket to use */
  constructor(
    private readonly url: string,
    private readonly options: ClientOptions = {},
  ) {
    super();
    this.outbox = new Outbox(options.queueLimit ?? 1000);
    this.WebSocket = (options.WebSocket ?? (globalThis as { WebSocket?: unknown }).WebSocket) as WebSocketClass;
    if (!this.WebSocket) {
      throw new FanwireError('FANWIRE_CLIENT_WEBSOCKET', 'this runtime has no WebSocket: pass { WebSocket } from "ws"');
    }
    this.connect();
  }

  get state(): ClientState {
    return this.current;
  }

  /** Bytes handed to the socket and not yet sent; a publisher that sees it grow should slow down. */
  get bufferedAmount(): number {
    return this.link?.bufferedAmount ?? 0;
  }

  /** Publishes that wait for a connection. */
  get queued(): number {
    return this.outbox.waiting;
  }

  /** Joins a topic now and after every reconnect. Asked twice for a topic, it gives the same subscription. */
  subscribe<T = unknown>(topic: string, onMessage?: (message: Message<T>) => void): Subscription<T> {
    const subscription = this.subscriptions.get(topic) ?? this.open(topic);
    const typed = subscription as unknown as Subscription<T>;
    if (onMessage) typed.on('message', onMessage);
    return typed;
  }

  /**
   * Publishes any JSON value, or bytes. Resolves when the relay has taken it; waits in the queue while there is no connection.
   * Rejects with FanwireError: FANWIRE_CLIENT_QUEUE_FULL, FANWIRE_CLIENT_UNCONFIRMED (the connection ended before the answer:
   * it may or may not have been published), FANWIRE_CLIENT_CLOSED, or the relay's refusal.
   */
  async publish(topic: string, data: unknown): Promise<Published> {
    const payload = data instanceof Uint8Array ? { data: toBase64(data), encoding: 'base64' } : { data };
    const { seq } = await this.ask({ op: 'pub', topic, ...payload });
    if (seq !== undefined) this.subscriptions.get(topic)?.published(seq);
    return { seq };
  }

  /** Who is subscribed to a topic: the first members, and how many there are. Needs presence on the relay. */
  async presence(topic: string): Promise<{ members: readonly Member[]; count: number }> {
    const { members = [], count = 0 } = await this.ask({ op: 'presence', topic });
    return { members, count };
  }

  /** Ends the connection and every subscription, for good. */
  close(): void {
    if (this.current !== 'closed') this.finish(closedError());
  }

  join(subscription: Subscription): void {
    const { topic, since } = subscription;
    this.outbox.ask({ op: 'sub', topic, since }, this.sender, {
      resolve: (answer) => subscription.confirmed(answer),
      reject: (error) => {
        // Unconfirmed: the next connection asks again.
        if (error.code === 'FANWIRE_CLIENT_UNCONFIRMED' || subscription.state === 'ended') return;
        this.subscriptions.delete(topic);
        subscription.end(error);
        this.emit('error', error);
      },
    });
  }

  leave({ topic }: Subscription): void {
    this.subscriptions.delete(topic);
    this.sender?.(JSON.stringify({ op: 'unsub', topic }));
  }

  private open(topic: string): Subscription {
    const subscription = new Subscription(topic, this, this.options.bufferLimit ?? 1000);
    if (this.current === 'closed') {
      subscription.end(closedError());
      return subscription;
    }
    this.subscriptions.set(topic, subscription);
    if (this.current === 'open') this.join(subscription);
    return subscription;
  }

  private ask(op: object): Promise<Answer> {
    return new Promise((resolve, reject) => {
      if (this.current === 'closed') reject(closedError());
      else this.outbox.ask(op, this.sender, { resolve, reject });
    });
  }

  private get sender(): ((text: string) => void) | undefined {
    const { link } = this;
    return link && this.current === 'open' ? (text) => link.send(text) : undefined;
  }

  private enter(state: ClientState): void {
    this.current = state;
    this.emit('state', state);
  }

  private async connect(): Promise<void> {
    this.enter('connecting');
    let token: string | undefined;
    try {
      token = await this.token();
    } catch (error) {
      this.closed({ code: 1006, reason: `the token provider failed: ${error}`, retryAfterMs: 0 });
      return;
    }
    if (this.current !== 'connecting') return;
    const { connectTimeoutMs = 10_000, heartbeatMs = 25_000 } = this.options;
    const events = {
      opened: () => this.opened(token),
      received: (op: ServerOp) => this.received(op),
      closed: (end: LinkEnd) => this.closed(end),
    };
    try {
      this.link = new Link(this.WebSocket, withToken(this.url, token), events, { connectTimeoutMs, heartbeatMs });
    } catch (error) {
      this.finish(new FanwireError('FANWIRE_CLIENT_URL', `cannot open "${this.url}": ${error}`));
    }
  }

  private token(): undefined | string | Promise<string> {
    const { token } = this.options;
    return typeof token === 'function' ? token() : token;
  }

  private opened(token: string | undefined): void {
    this.openedAtMs = Date.now();
    this.current = 'open';
    for (const subscription of this.subscriptions.values()) this.join(subscription);
    this.outbox.flush((text) => this.link?.send(text));
    this.renewInTime(token);
    this.emit('state', 'open');
  }

  private received(op: ServerOp): void {
    if (op.op === 'ok') this.outbox.answer(op);
    else if (op.op === 'error') {
      if (!this.outbox.answer(op)) this.emit('error', errorFrom(op));
    } else if (op.op === 'drain') this.draining(op.reconnectInMs);
    else if ('topic' in op) this.subscriptions.get(op.topic)?.received(op);
  }

  private draining(reconnectInMs: number): void {
    this.reconnectAtMs = Date.now() + reconnectInMs;
    clearTimeout(this.drainTimer);
    this.drainTimer = setTimeout(() => this.link?.drop(1012, 'drained'), reconnectInMs);
    this.emit('drain', reconnectInMs);
  }

  private closed({ code, reason, retryAfterMs }: LinkEnd): void {
    if (this.current === 'closed') return;
    if (this.current === 'open' && Date.now() - this.openedAtMs >= STABLE_MS) this.failures = 0;
    const error = new FanwireError('FANWIRE_CLIENT_DISCONNECTED', `connection ended with ${code} ${reason}`.trim());
    if (code === UNAUTHENTICATED && typeof this.options.token !== 'function') {
      this.finish(error);
      return;
    }
    this.disconnect();
    const { backoffBaseMs: baseMs = 500, backoffCapMs: capMs = 30_000 } = this.options;
    const drainedMs = this.reconnectAtMs && Math.max(0, this.reconnectAtMs - Date.now());
    this.reconnectAtMs = undefined;
    const waitMs = drainedMs ?? retryAfterMs + fullJitterMs({ baseMs, capMs }, this.failures++);
    this.retryTimer = setTimeout(() => this.connect(), waitMs);
    this.enter('waiting');
    if (drainedMs === undefined) this.emit('error', error);
  }

  private disconnect(): void {
    this.link = undefined;
    clearTimeout(this.renewTimer);
    clearTimeout(this.drainTimer);
    for (const subscription of this.subscriptions.values()) subscription.disconnected();
    this.outbox.disconnected();
  }

  private finish(error: FanwireError): void {
    const { link } = this;
    this.enter('closed');
    this.disconnect();
    clearTimeout(this.retryTimer);
    link?.drop(1000, 'closed');
    for (const subscription of this.subscriptions.values()) subscription.end(error);
    this.subscriptions.clear();
    this.outbox.closed(error);
    if (error.code !== 'FANWIRE_CLIENT_CLOSED') this.emit('error', error);
  }

  /** Sends a new token before the one in use ends, so that the connection lives on. */
  private renewInTime(token: string | undefined): void {
    const afterMs = token && typeof this.options.token === 'function' ? renewAfterMs(token, Date.now()) : undefined;
    if (typeof afterMs !== 'number') return;
    this.renewTimer = setTimeout(() => this.renew(), Math.min(afterMs, MAX_TIMEOUT_MS));
  }

  private async renew(): Promise<void> {
    const { link } = this;
    try {
      const token = await this.token();
      if (this.link !== link) return; // a new connection brings its own
      await this.ask({ op: 'auth', token });
      this.renewInTime(token);
    } catch (error) {
      // The relay closes the connection when the old token ends, and the next one starts with a new token.
      this.emit('error', new FanwireError('FANWIRE_CLIENT_TOKEN', `the token could not be renewed: ${error}`));
    }
  }
}

function closedError(): FanwireError {
  return new FanwireError('FANWIRE_CLIENT_CLOSED', 'the client is closed');
}
