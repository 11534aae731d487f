// One WebSocket from its opening to its end: `closed` is called exactly once, and a peer that went silent is noticed.
import type { ServerOp } from '../protocol/ops.js';
import { wordsOf } from './fault.js';
import { kindOf } from './payload.js';
import { bounded, createAlarm, now } from './times.js';

/** The part of a WebSocket that is used: those of browsers, Node, Bun, Deno and the `ws` package all fit. */
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

/** Called once. `code` is the close code, or the status of a refused upgrade; 1006 if there was neither. `refusal`
 *  and `retryAfterMs` come from a refused upgrade, where the runtime shows it (the `ws` package does, browsers do
 *  not): `refusal` is the error code if the relay itself refused, `retryAfterMs` is when to come back. */
export type LinkClosed = (code: number, reason: string, refusal?: string, retryAfterMs?: number) => void;

export interface LinkTimes {
  /** Milliseconds until an unanswered opening is given up. */
  readonly connectTimeoutMs: number;
  /** Milliseconds of silence until a ping is sent. */
  readonly heartbeatMs: number;
}

export interface Link {
  readonly _socket: { readonly bufferedAmount: number };
  _send(text: string): void;
  /** Ends the link at once, without waiting for the peer, which may be gone. */
  _drop(reason?: string, code?: number): void;
  /** Checks that the peer is still there. The link ends if no answer comes within a second, or within twice the time
   *  that the opening took where that is longer. */
  _probe(): void;
}

type Refusing = WebSocketLike & {
  on?(event: 'unexpected-response', listener: (request: unknown, response: RefusedUpgrade) => void): void;
};
interface RefusedUpgrade {
  readonly statusCode?: number;
  readonly headers: { readonly 'retry-after'?: string; readonly 'fanwire-error'?: string };
}

/** The longest wait for a ping's answer. */
const PONG_MS = 10_000;
/** How long `close` may take to follow `error`: on some runtimes it never comes (the WebSocket of Node 20 and 22). */
const CLOSE_AFTER_ERROR_MS = 100;

/** Events that were held up with a timer have come so long after it. */
const AWAKE_MS = 100;

/** Later than any time there will be. */
const NEVER = 9e15;

/** @throws what the WebSocket's constructor throws */
export function openLink(
  WebSocket: WebSocketClass,
  [url, protocols]: readonly [string, string[]],
  { connectTimeoutMs, heartbeatMs }: LinkTimes,
  opened: () => void,
  received: (op: ServerOp) => void,
  closed: LinkClosed,
): Link {
  const startedAtMs = now();
  const socket = new WebSocket(url, protocols) as Refusing;
  const alarm = createAlarm();
  const pongMs = Math.min(heartbeatMs, PONG_MS);
  let hasEnded = false;
  let openingMs = 0;
  /** When the link ends because a ping was not answered. */
  let deadlineMs = NEVER;

  const end: LinkClosed = (...how) => {
    if (hasEnded) return;
    hasEnded = true;
    alarm();
    closed(...how);
  };
  function drop(reason = '', code = 1006, ...refused: [refusal?: string, retryAfterMs?: number]): void {
    end(code, reason, ...refused);
    try {
      socket.close(1000);
    } catch {
      // Some WebSockets cannot be closed before they are open.
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
    if (hasEnded || now() + limitMs >= deadlineMs) return;
    deadlineMs = now() + limitMs;
    // After a sleep of the machine or the page the pong may be here and its event come after the timer's.
    alarm(() => alarm(check, AWAKE_MS), limitMs);
    send('{"op":"ping"}');
  }

  const check = (): void => {
    if (deadlineMs < NEVER) drop('no answer');
    else alarm(() => probe(pongMs), heartbeatMs);
  };

  alarm(() => drop('no answer'), connectTimeoutMs);
  socket.onopen = () => {
    openingMs = now() - startedAtMs;
    // One that was given up meanwhile, and could not be closed then, is closed now.
    if (hasEnded) drop();
    else opened();
    probe(pongMs);
  };
  socket.onmessage = ({ data }: { data: string }) => {
    deadlineMs = NEVER;
    // A dropped socket may still deliver messages, but its owner no longer expects any.
    if (hasEnded) return;
    try {
      let first: object | undefined;
      // Several ops come as one array: fields that a later op leaves out are those of the first.
      for (const op of [JSON.parse(data)].flat()) {
        if (kindOf(op) !== 'Object') throw op;
        if (!hasEnded) received({ ...first, ...op });
        first ??= { op: op.op, topic: op.topic };
      }
    } catch (error) {
      drop(wordsOf(error));
    }
  };
  socket.onclose = ({ code = 1006, reason = '' }: { code?: number; reason?: string }) => end(code, reason);
  socket.onerror = (event: unknown) => hasEnded || alarm(() => drop(wordsOf(event)), CLOSE_AFTER_ERROR_MS);
  socket.on?.('unexpected-response', (_request, { statusCode, headers }) => {
    const refusal = headers['fanwire-error'];
    const retryAfter = headers['retry-after'];
    drop(refusal, statusCode, refusal, retryAfter ? bounded(+retryAfter * 1000) : undefined);
  });
  return { _socket: socket, _send: send, _drop: drop, _probe: () => probe(bounded(2 * openingMs, 1000, PONG_MS)) };
}
