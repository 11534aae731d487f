// A connection that reconnects by itself: a state machine over attempts. It knows no topics; the client built on it
// does.
import type { FanwireError } from '../base/error.js';
import type { ServerOp } from '../protocol/ops.js';
import { Emitter } from './emitter.js';
import { closedFault, fault, wordsOf } from './fault.js';
import { type Link, openLink, type WebSocketClass } from './link.js';
import { bounded, createAlarm, jitterMs, MAX_TIMER_MS, now } from './times.js';
import { askToken, type TokenSource, withToken } from './token.js';
import { isOffline, scope, WAKE_EVENTS } from './wake.js';

/**
 * `connecting`: a token is fetched and a socket opened. `open`: connected. `waiting`: between two attempts.
 * `closed`: by close(), or because the relay refused for good; final.
 */
export type ClientState = 'connecting' | 'open' | 'waiting' | 'closed';

export interface ClientEvents {
  state: ClientState;
  /** Errors that no promise reports: a refused subscription or token, a connection that ended with a reason, a
   *  listener that threw. */
  error: FanwireError;
  /** The relay is going away; the client reconnects after this many ms. */
  drain: number;
}

export interface ClientSettings {
  readonly url: string;
  readonly token: TokenSource;
  readonly WebSocket: WebSocketClass;
  readonly backoffBaseMs: number;
  readonly backoffCapMs: number;
  readonly connectTimeoutMs: number;
  readonly heartbeatMs: number;
}

/** A connection that lasted this long was stable: the next wait starts from the base again. */
const STABLE_MS = 5000;
/** The least time between attempts made because the network or the page came back, and the least wait before a
 *  renewal. */
const FLOOR_MS = 1000;
/** A renewal that failed is tried again after this time, less a fifth. */
const RENEW_AGAIN_MS = 5000;
/** Clients that notice a network change at the same moment spread their reconnects over this time. */
const WAKE_SPREAD_MS = 500;
/** The close code of a relay that restarts and has announced it. */
const RESTART = 1012;

/** Subclass methods are called once the state is up to date. User code is called by `_emit` alone, after that. */
export abstract class ClientConnection extends Emitter<ClientEvents> {
  state: ClientState = 'connecting';
  #link: Link | undefined;
  /** Ends the attempt under way, which may hang in a network that is gone: its wait for a token, or its socket. */
  #giveUp!: () => void;
  #triedAtMs = 0;
  #failures = 0;
  /** When the next attempt is due, and the earliest time at which the relay wants it. */
  #dueAtMs = 0;
  #notBeforeMs = 0;
  /** Timer of the next attempt, of the moment a connection counts as stable, or of the end of a drained connection. */
  readonly #alarm = createAlarm();
  readonly #renewal = createAlarm();
  readonly #life = new AbortController();

  readonly #settings: ClientSettings;
  constructor(settings: ClientSettings) {
    super();
    this.#settings = settings;
    const { signal } = this.#life;
    // In the capture phase the window also receives the document's events.
    for (const type of WAKE_EVENTS) scope.addEventListener?.(type, () => this.wake(), { capture: true, signal });
  }

  protected abstract _heard(op: ServerOp): void;
  protected abstract _answerTo(op: object): Promise<{ readonly expiresInMs?: number }>;
  /** @param end set if there will be no further connection */
  protected abstract _disconnected(end?: FanwireError): void;

  /** Milliseconds until the next attempt; undefined unless the state is `waiting`. */
  get retryInMs(): number | undefined {
    return this.state === 'waiting' ? Math.max(0, this.#dueAtMs - now()) : undefined;
  }

  /** Bytes handed to the socket and not yet sent; a publisher that sees it grow should slow down. */
  get bufferedAmount(): number {
    return this.#link?._socket.bufferedAmount ?? 0;
  }

  /** While waiting, connects at once; while open, checks that the connection is alive. Browser events trigger this
   *  by themselves; call it where a runtime reports network changes in another way. */
  wake(): void {
    // Also while open: a page back from the cache hears this before its socket, which the browser has closed, ends.
    this.#failures = 0;
    if (this.state === 'open') this.#link?._probe();
    const restMs = this.#triedAtMs + FLOOR_MS - now();
    if (this.state === 'connecting' && restMs < 0) this.#giveUp();
    if (!this.retryInMs || isOffline()) return;
    const waitMs = Math.max(this.#notBeforeMs - now(), restMs, 0) + WAKE_SPREAD_MS * Math.random();
    if (waitMs < this.retryInMs) this.#retryIn(waitMs);
  }

  /** Ends the connection and every subscription, for good. */
  close(): void {
    this.#finish();
  }

  protected _send(text: string): void {
    this.#link?._send(text);
  }

  protected async _connect(): Promise<void> {
    const settings = this.#settings;
    this.#triedAtMs = now();
    let what: 'TOKEN' | 'URL' = 'TOKEN';
    try {
      const address = withToken(settings.url, await this.#token());
      if (this.state !== 'connecting') return;
      what = 'URL';
      this.#link = openLink(
        settings.WebSocket,
        address,
        settings,
        () => {
          this.state = 'open';
          this.#alarm(() => {
            this.#failures = 0;
          }, STABLE_MS);
          this._emit('state', this.state);
        },
        (op) => {
          if (op.op === 'hello') this.#renewIn(op.expiresInMs);
          this._heard(op);
          if (op.op !== 'drain') return;
          const reconnectInMs = bounded(op.reconnectInMs);
          this.#notBeforeMs = now() + reconnectInMs;
          this.#alarm(() => this.#link?._drop('', RESTART), reconnectInMs);
          this._emit('drain', reconnectInMs);
        },
        (code, reason, refusal, retryAfterMs) => {
          const error = fault('DISCONNECTED', `ended with ${code} ${reason}`);
          // Only a refusal by the relay itself is final: a proxy in front of it refuses for passing reasons too.
          const isRelays = refusal || code === 4401 || code === 4403;
          // Unauthorized (status 401 of an upgrade, or close code 4401): the token source may give a better token next
          // time.
          const isRenewed = code % 4000 === 401 && typeof settings.token === 'function';
          if (isRelays && !isRenewed && retryAfterMs === undefined) this.#finish(error);
          else this.#failed(error, retryAfterMs, code);
        },
      );
      this.#giveUp = this.#link._drop;
    } catch (error) {
      const failure = fault(what, wordsOf(error));
      if (what === 'URL' && (error as Error | undefined)?.name === 'SyntaxError') this.#finish(failure);
      else this.#failed(failure);
    }
  }

  #token(): Promise<string | undefined> {
    const { token, connectTimeoutMs } = this.#settings;
    return askToken(token, connectTimeoutMs, (giveUp) => {
      this.#giveUp = giveUp;
    });
  }

  /** @param error why it ended; undefined if close() asked for it */
  #finish(error?: FanwireError): void {
    if (this.state === 'closed') return;
    const link = this.#link;
    this.state = 'closed';
    this.#life.abort();
    this.#disconnect(error ?? closedFault());
    link?._drop();
    this._emit('state', this.state);
    if (error) this._emit('error', error);
  }

  /** The attempt or the connection ended: schedules the next one. */
  #failed(error: FanwireError, retryAfterMs = 0, code = 1006): void {
    if (this.state === 'closed') return;
    this.#notBeforeMs = Math.max(now() + retryAfterMs, this.#notBeforeMs);
    this.state = 'waiting';
    this.#disconnect();
    this.#retryIn(this.#notBeforeMs - now() + this._waitMs(this.#failures++));
    this._emit('state', this.state);
    if (code !== RESTART) this._emit('error', error);
  }

  /** The wait before an attempt, never 0. The same while the browser reports no network: a relay on this machine is
   *  within reach all the same. */
  protected _waitMs(attempt: number): number {
    const { backoffBaseMs, backoffCapMs } = this.#settings;
    return jitterMs(backoffBaseMs, backoffCapMs, attempt);
  }

  #retryIn(waitMs: number): void {
    this.#dueAtMs = now() + waitMs;
    this.#alarm(
      () => {
        this.state = 'connecting';
        void this._connect();
        this._emit('state', this.state);
      },
      bounded(waitMs, 1, MAX_TIMER_MS),
    );
  }

  #disconnect(end?: FanwireError): void {
    this.#link = undefined;
    this.#alarm();
    this.#renewal();
    this._disconnected(end);
  }

  /** Sends a new token before the one in use ends, so that the connection stays open. Uses the time left that the
   *  relay states, so the clock of this machine may be wrong. */
  #renewIn(expiresInMs: number | undefined): void {
    const link = this.#link;
    this.#renewal();
    if (expiresInMs === undefined || typeof this.#settings.token !== 'function') return;
    const renew = async (): Promise<void> => {
      try {
        const token = await this.#token();
        if (this.#link !== link) return; // a new connection brings its own
        const { expiresInMs: nextMs } = await this._answerTo({ op: 'auth', token });
        if (this.#link === link) this.#renewIn(nextMs);
      } catch (error) {
        if (this.#link !== link) return;
        // Retry until it succeeds, or until the relay closes the connection because the old token has ended.
        this.#renewIn(RENEW_AGAIN_MS);
        this._emit('error', fault('TOKEN', wordsOf(error)));
      }
    };
    this.#renewal(renew, bounded(0.8 * expiresInMs, FLOOR_MS, MAX_TIMER_MS));
  }
}
