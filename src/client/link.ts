// One WebSocket from its opening to its end: `closed` is called exactly once, and a peer that went silent is noticed.
import type { ServerOp } from '../protocol/ops.js';
import { wordsOf } from './emitter.js';
import { bounded, now } from './times.js';

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
  /** The close code, or the status of a refused upgrade; 1006 where there was none. */
  readonly code: number;
  readonly reason: string;
  /** What a refused upgrade says of coming back, where the runtime shows it (the `ws` package does, browsers do
   *  not). */
  readonly retryAfterMs?: number | undefined;
  /** The code of a refusal that is the relay's own word. */
  readonly refusal?: string | undefined;
}

export interface LinkEvents {
  opened(): void;
  received(op: ServerOp): void;
  closed(end: LinkEnd): void;
}

export interface LinkTimes {
  /** Milliseconds until an unanswered opening is given up. */
  readonly connectTimeoutMs: number;
  /** Milliseconds of silence until a ping is sent. */
  readonly heartbeatMs: number;
}

export interface Link {
  readonly socket: { readonly bufferedAmount: number };
  send(text: string): void;
  /** Ends the link at once, without waiting for the peer, which may be gone. */
  drop(reason: string, code?: number): void;
  /** Asks whether the peer is still there: without an answer in a second, or twice the time of the opening, the link
   *  ends. */
  probe(): void;
}

type Refusing = WebSocketLike & {
  on?(event: 'unexpected-response', listener: (request: unknown, response: RefusedUpgrade) => void): void;
};
interface RefusedUpgrade {
  readonly statusCode?: number;
  readonly headers: { readonly 'retry-after'?: string; readonly 'fanwire-error'?: string };
}

/** How long a ping's answer is waited for, at most. */
const PONG_MS = 10_000;
/** How long `close` may take to follow `error`: some runtimes' never comes (Node 20's and 22's own WebSocket). */
const CLOSE_AFTER_ERROR_MS = 100;

/** Later than any time there will be. */
const NEVER = 1e15;

/** @throws what the WebSocket's constructor throws */
export function openLink(
  WebSocket: WebSocketClass,
  [url, protocols]: readonly [string, string[]],
  { connectTimeoutMs, heartbeatMs }: LinkTimes,
  { opened, received, closed }: LinkEvents,
): Link {
  const startedAtMs = now();
  const socket = new WebSocket(url, protocols) as Refusing;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let hasEnded = false;
  let openingMs = 0;
  let refused: Partial<LinkEnd> | undefined;
  /** When an unanswered ping ends the link. */
  let deadlineMs = NEVER;

  function after(waitMs: number, act: () => void): void {
    clearTimeout(timer);
    if (!hasEnded) timer = setTimeout(act, waitMs);
  }
  function end(code: number, reason: string): void {
    if (hasEnded) return;
    hasEnded = true;
    clearTimeout(timer);
    closed({ code, reason, ...refused });
  }
  function drop(reason: string, code = 1006): void {
    end(code, reason);
    try {
      socket.close(1000);
    } catch {
      // some cannot be closed before they are open
    }
  }
  function send(text: string): void {
    try {
      socket.send(text);
    } catch (error) {
      drop(wordsOf(error));
    }
  }
  function probe(limitMs: number): void {
    if (now() + limitMs >= deadlineMs) return;
    deadlineMs = now() + limitMs;
    after(limitMs, () => {
      if (deadlineMs < NEVER) drop('no pong');
      else after(heartbeatMs, () => probe(Math.min(heartbeatMs, PONG_MS)));
    });
    send('{"op":"ping"}');
  }

  after(connectTimeoutMs, () => drop('no answer'));
  socket.onopen = () => {
    openingMs = now() - startedAtMs;
    if (hasEnded) return;
    opened();
    probe(Math.min(heartbeatMs, PONG_MS));
  };
  socket.onmessage = ({ data }: { data: unknown }) => {
    deadlineMs = NEVER;
    // One that was dropped may still deliver; whoever dropped it has gone on.
    if (hasEnded) return;
    try {
      received(JSON.parse(String(data)));
    } catch (error) {
      drop(wordsOf(error));
    }
  };
  socket.onclose = ({ code = 1006, reason = '' }: { code?: number; reason?: string }) => end(code, reason);
  socket.onerror = (event: unknown) => after(CLOSE_AFTER_ERROR_MS, () => drop(wordsOf(event)));
  socket.on?.('unexpected-response', (_request, { statusCode: code = 1006, headers }) => {
    const { 'retry-after': retryAfter, 'fanwire-error': refusal } = headers;
    refused = {
      code,
      reason: `upgrade refused with ${code} ${refusal ?? ''}`,
      refusal,
      ...(retryAfter && { retryAfterMs: bounded(1000 * Number(retryAfter), 0) }),
    } as LinkEnd;
    drop('');
  });
  return {
    socket,
    send,
    drop,
    probe: () => probe(bounded(2 * openingMs, 1000, PONG_MS)),
  };
}
