// The connection that comes back by itself: a state machine from attempt to attempt. It knows no topics; the client
// above it does.
import { FanwireError } from '../base/error.js';
import type { ServerOp } from '../protocol/ops.js';
import { Emitter, wordsOf } from './emitter.js';
import { type Link, type LinkEnd, openLink, type WebSocketClass } from './link.js';
import { bounded, jitterMs, MAX_WAIT_MS, now } from './times.js';
import { askToken, type TokenSource, withToken } from './token.js';
import { isOffline, onWake } from './wake.js';

/**
 * `connecting`: a token is fetched and a socket opened. `open`: connected. `waiting`: between two attempts.
 * `closed`: by close(), or because the relay refused for good; final.
 */
export type ClientState = 'connecting' | 'open' | 'waiting' | 'closed';

export interface ClientEvents {
  state: ClientState;
  /** What no promise tells: a refused subscription or token, a connection that ended with a reason, a listener that
   *  threw. */
  error: FanwireError;
  /** The relay is going away; the client reconnects after this many ms. */
  drain: number;
}

export interface Settings {
  readonly url: string;
  readonly token: TokenSource;
  readonly WebSocket: WebSocketClass;
  readonly backoffBaseMs: number;
  readonly backoffCapMs: number;
  readonly connectTimeoutMs: number;
  readonly heartbeatMs: number;
}

/** A connection that lasted this long was a good one: the next wait starts from the base again. */
const STABLE_MS = 5000;
/** Attempts that the network's or page's return makes, and token calls of a renewal, are at least this far apart. */
const FLOOR_MS = 1000;
/** After so many a renewal that failed is tried again, less a fifth. */
const RENEW_AGAIN_MS = 5000;
/** Over this long clients spread their return that notice the same moment. */
const WAKE_SPREAD_MS = 500;
/** The close code of a relay that restarts, as it has told. */
const RESTART = 1012;
/** setTimeout's limit, about. */
const MAX_RENEWAL_MS = 2e9;

type Timer = ReturnType<typeof setTimeout>;

/** What a subclass is told comes when the state is right; users' code is called by `emit` alone, after that. */
export abstract class Connection extends Emitter<ClientEvents> {
  /** What it is doing. */
  state: ClientState = 'connecting';
  #link: Link | undefined;
  #triedAtMs = 0;
  #openedAtMs = 0;
  #failures = 0;
  /** When the next attempt is due, and when the relay wants it at the earliest. */
  #dueAtMs = 0;
  #notBeforeMs = 0;
  /** The next attempt, or the end of a drained connection. */
  #timer: Timer | undefined;
  #renewTimer: Timer | undefined;
  readonly #life = new AbortController();

  readonly #settings: Settings;
  constructor(settings: Settings) {
    super();
    this.#settings = settings;
    onWake(() => this.wake(), this.#life.signal);
  }

  protected abstract heard(op: ServerOp): void;
  protected abstract answerTo(op: object): Promise<{ readonly expiresInMs?: number }>;
  /** @param end set where there will be no connection any more */
  protected abstract disconnected(end?: FanwireError): void;

  /** Milliseconds until the next attempt; undefined unless the state is `waiting`. */
  get retryInMs(): number | undefined {
    return this.state === 'waiting' ? Math.max(0, this.#dueAtMs - now()) : undefined;
  }

  /** Bytes handed to the socket and not yet sent; a publisher that sees it grow should slow down. */
  get bufferedAmount(): number {
    return this.#link?.socket.bufferedAmount ?? 0;
  }

  /** Tries to connect at once where it waits, and looks whether the connection is alive where it is open. Browsers'
   *  events do it by themselves; call it where a runtime tells of the network in another way. */
  wake(): void {
    if (this.state === 'open') this.#link?.probe();
    const restMs = this.#triedAtMs + FLOOR_MS - now();
    if (this.state === 'connecting' && restMs < 0) this.#link?.drop('tried anew');
    if (!this.retryInMs || isOffline()) return;
    this.#failures = 0;
    const waitMs = Math.max(this.#notBeforeMs - now(), restMs, 0) + WAKE_SPREAD_MS * Math.random();
    if (waitMs < this.retryInMs) this.#retryIn(waitMs);
  }

  /** Ends the connection and every subscription, for good. */
  close(): void {
    this.#finish(closedError());
  }

  protected send(text: string): void {
    this.#link?.send(text);
  }

  protected async connect(): Promise<void> {
    const { token: source, url, WebSocket, connectTimeoutMs } = this.#settings;
    this.#triedAtMs = now();
    let what = 'TOKEN';
    try {
      const token = await askToken(source, connectTimeoutMs);
      if (this.state !== 'connecting') return;
      what = 'URL';
      this.#link = openLink(WebSocket, withToken(url, token), this.#settings, {
        opened: () => {
          this.#openedAtMs = now();
          this.state = 'open';
          this.emit('state', this.state);
        },
        received: (op) => this.#received(op),
        closed: (end) => this.#closed(end),
      });
    } catch (error) {
      const failure = new FanwireError(`FANWIRE_CLIENT_${what}` as 'FANWIRE_CLIENT_URL', wordsOf(error));
      if (what === 'URL' && (error as Error).name === 'SyntaxError') this.#finish(failure);
      else this.#failed(failure);
    }
  }

  #received(op: ServerOp): void {
    if (op.op === 'hello') this.#renewIn(op.expiresInMs);
    this.heard(op);
    if (op.op !== 'drain') return;
    const reconnectInMs = bounded(op.reconnectInMs, 0);
    this.#notBeforeMs = now() + reconnectInMs;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#link?.drop('drained', RESTART), reconnectInMs);
    this.emit('drain', reconnectInMs);
  }

  #closed({ code, reason, retryAfterMs, refusal }: LinkEnd): void {
    const error = new FanwireError('FANWIRE_CLIENT_DISCONNECTED', `connection ended with ${code} ${reason}`.trim());
    const wantsToken = code === 401 || code === 4401;
    // Only the relay's own word is final: what stands before it refuses for passing reasons too.
    const isFinal = wantsToken ? typeof this.#settings.token !== 'function' : refusal || code === 4403;
    if (isFinal && retryAfterMs === undefined) this.#finish(error);
    else this.#failed(error, retryAfterMs, code);
  }

  #finish(error: FanwireError): void {
    if (this.state === 'closed') return;
    const link = this.#link;
    this.state = 'closed';
    this.#life.abort();
    this.#disconnect(error);
    link?.drop('');
    this.emit('state', 'closed');
    if (error.code !== 'FANWIRE_CLIENT_CLOSED') this.emit('error', error);
  }

  /** The attempt, or the connection, ended: the next one is due later. */
  #failed(error: FanwireError, retryAfterMs = 0, code = 1006): void {
    if (this.state === 'closed') return;
    if (this.state === 'open' && now() - this.#openedAtMs >= STABLE_MS) this.#failures = 0;
    this.#notBeforeMs = Math.max(now() + retryAfterMs, this.#notBeforeMs);
    this.state = 'waiting';
    this.#disconnect();
    this.#retryIn(this.#notBeforeMs - now() + this.waitMs(this.#failures++));
    this.emit('state', 'waiting');
    if (code !== RESTART) this.emit('error', error);
  }

  /** A wait before a try, never none; a long one while it is known that there is no network, whose return is an
   *  event. */
  protected waitMs(attempt: number): number {
    const { backoffBaseMs, backoffCapMs } = this.#settings;
    return jitterMs(isOffline() ? backoffCapMs : backoffBaseMs, backoffCapMs, attempt);
  }

  #retryIn(waitMs: number): void {
    this.#dueAtMs = now() + waitMs;
    clearTimeout(this.#timer);
    const act = (): void => {
      this.state = 'connecting';
      void this.connect();
      this.emit('state', this.state);
    };
    this.#timer = setTimeout(act, bounded(waitMs, 1, 2 * MAX_WAIT_MS));
  }

  #disconnect(end?: FanwireError): void {
    this.#link = undefined;
    clearTimeout(this.#timer);
    clearTimeout(this.#renewTimer);
    this.disconnected(end);
  }

  /** A new token is sent before the one in use ends, so that the connection lives on. By the relay's clock, whatever
   *  this one says. */
  #renewIn(expiresInMs: number | undefined): void {
    const link = this.#link;
    const settings = this.#settings;
    clearTimeout(this.#renewTimer);
    if (expiresInMs === undefined || typeof settings.token !== 'function') return;
    const renew = async (): Promise<void> => {
      try {
        const token = await askToken(settings.token, settings.connectTimeoutMs);
        if (this.#link !== link) return; // a new connection brings its own
        const { expiresInMs: nextMs } = await this.answerTo({ op: 'auth', token });
        if (this.#link === link) this.#renewIn(nextMs);
      } catch (error) {
        if (this.#link !== link) return;
        // Until it succeeds, or the relay closes the connection because the old token has ended.
        this.#renewIn(RENEW_AGAIN_MS);
        this.emit('error', new FanwireError('FANWIRE_CLIENT_TOKEN', wordsOf(error)));
      }
    };
    this.#renewTimer = setTimeout(renew, bounded(0.8 * expiresInMs, FLOOR_MS, MAX_RENEWAL_MS));
  }
}

export function closedError(): FanwireError {
  return new FanwireError('FANWIRE_CLIENT_CLOSED', 'the client is closed');
}
