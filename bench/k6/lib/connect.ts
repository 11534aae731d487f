// Opens sockets at a limited pace: limited per second, and in concurrent handshakes.

import { clearTimeout, setTimeout } from 'k6/timers';
import { WebSocket } from 'k6/websockets';
import type { Observed } from './observed.ts';
import { type Settings, topicUrl } from './settings.ts';

export interface Pace {
  readonly startAt: number;
  readonly everyMs: number;
  readonly inFlight: number;
}

/** Calls `open(k, settled)` for k = 0 … count - 1, each once it is due and fewer than `inFlight` handshakes are under
 *  way. */
export function openPaced(
  count: number,
  pace: Pace,
  now: () => number,
  open: (k: number, settled: () => void) => void,
): void {
  let next = 0;
  let inFlight = 0;
  const settled = () => {
    inFlight--;
    if (next < count && inFlight === pace.inFlight - 1) openDue();
  };
  const openDue = () => {
    while (next < count && inFlight < pace.inFlight) {
      const waitMs = pace.startAt + next * pace.everyMs - now();
      if (waitMs > 0) {
        setTimeout(openDue, waitMs);
        return;
      }
      inFlight++;
      open(next++, settled);
    }
  };
  openDue();
}

export interface SocketEvents {
  opened(socket: WebSocket): void;
  message(payload: unknown, readAt: number): void;
  /** The handshake failed or took too long. */
  failed?(): void;
  /** The server or the network closed an open socket. */
  closed(): void;
}

/** Opens connection number `connection` to `topic` and counts the outcome. `settled` is called once, when the handshake
 *  has succeeded, failed or taken too long. A socket that takes too long is closed only once it opens, because k6
 *  blocks the whole VU when a connecting socket is closed. */
export function openSocket(
  settings: Settings,
  topic: number,
  connection: number,
  observed: Observed,
  events: SocketEvents,
  settled: () => void,
): void {
  const startedAt = observed.now();
  const socket = new WebSocket(topicUrl(settings, topic, connection), null, { headers: settings.headers });
  socket.binaryType = 'arraybuffer';
  let state: 'connecting' | 'open' | 'over' = 'connecting';

  const fail = (reason: string) => {
    if (state !== 'connecting') return;
    state = 'over';
    observed.connectFailed(reason);
    clearTimeout(timeout);
    events.failed?.();
    settled();
  };
  const timeout = setTimeout(() => fail('handshake timed out'), settings.connectTimeoutS * 1000);
  socket.onopen = () => {
    if (state === 'over') {
      socket.close();
      return;
    }
    state = 'open';
    clearTimeout(timeout);
    observed.connected(observed.now() - startedAt);
    settled();
    events.opened(socket);
  };
  socket.onmessage = (event) => {
    if (event !== undefined) events.message(event.data, event.timestamp);
  };
  socket.onerror = (event) => fail(event?.error ?? 'unknown error');
  socket.onclose = () => {
    fail('closed during the handshake');
    if (state === 'open') events.closed();
    state = 'over';
  };
}
