// One WebSocket from its opening to its end: `closed` is called exactly once, and a peer that went silent is noticed.
import type { ServerOp } from '../protocol/ops.js';

/** What is used of a WebSocket: browsers', Node's, Bun's, Deno's and the `ws` package's all fit. */
export interface WebSocketLike {
  readonly bufferedAmount: number;
  onopen: ((event: never) => void) | null;
  onmessage: ((event: never) => void) | null;
  onclose: ((event: never) => void) | null;
  onerror: ((event: never) => void) | null;
  send(text: string): void;
  close(code?: number, reason?: string): void;
}

export type WebSocketClass = new (url: string, protocols: string[]) => WebSocketLike;

/** How a link ended. */
export interface LinkEnd {
  /** The close code; 1006 where there was none. */
  readonly code: number;
  readonly reason: string;
  /** From a refused upgrade's Retry-After, where the runtime shows it (the `ws` package does, browsers do not). */
  readonly retryAfterMs: number;
}

export interface LinkEvents {
  opened(): void;
  received(op: ServerOp): void;
  closed(end: LinkEnd): void;
}

export interface LinkTimes {
  /** Milliseconds until an unanswered opening is given up. */
  readonly connectTimeoutMs: number;
  /** Milliseconds of silence until a ping is sent, and again until the link is given up. */
  readonly heartbeatMs: number;
}

type Refusing = WebSocketLike & {
  on?(event: 'unexpected-response', listener: (request: unknown, response: RefusedUpgrade) => void): void;
};
interface RefusedUpgrade {
  readonly statusCode?: number;
  readonly headers: { readonly 'retry-after'?: string };
}

export class Link {
  private readonly socket: WebSocketLike;
  private timer: ReturnType<typeof setTimeout>;
  private ended = false;
  private silent = false;
  private retryAfterMs = 0;
  private refusal = '';

  constructor(
    WebSocket: WebSocketClass,
    target: { readonly url: string; readonly protocols: string[] },
    private readonly events: LinkEvents,
    private readonly times: LinkTimes,
  ) {
    const socket = new WebSocket(target.url, target.protocols) as Refusing;
    this.socket = socket;
    this.timer = setTimeout(() => this.drop(1006, 'no answer to the upgrade'), times.connectTimeoutMs);
    socket.onopen = () => {
      this.watch();
      events.opened();
    };
    socket.onmessage = ({ data }: { data: unknown }) => {
      this.silent = false;
      // One that was dropped may still deliver; whoever dropped it has gone on.
      if (!this.ended) events.received(JSON.parse(String(data)));
    };
    socket.onclose = ({ code, reason }: { code: number; reason: string }) => this.end(code, reason || this.refusal);
    socket.onerror = () => {}; // `closed` follows, with all there is to know
    socket.on?.('unexpected-response', (_request, response) => {
      this.refusal = `upgrade refused with ${response.statusCode}`;
      this.retryAfterMs = Number(response.headers['retry-after']) * 1000 || 0;
      socket.close();
    });
  }

  get bufferedAmount(): number {
    return this.socket.bufferedAmount;
  }

  send(text: string): void {
    this.socket.send(text);
  }

  /** Ends the link at once, without waiting for the peer, which may be gone. */
  drop(code: number, reason: string): void {
    this.end(code, reason);
    this.socket.close(1000);
  }

  private watch(): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      if (this.silent) return this.drop(1006, 'no answer to a ping');
      this.silent = true;
      this.send('{"op":"ping"}');
      this.watch();
    }, this.times.heartbeatMs);
  }

  private end(code: number, reason: string): void {
    if (this.ended) return;
    this.ended = true;
    clearTimeout(this.timer);
    this.events.closed({ code, reason, retryAfterMs: this.retryAfterMs });
  }
}
