// Whether the other end of a command's socket is still there. A host that lost its power, or a NAT that forgot the
// connection, sends no FIN: a subscriber would wait for ever, and a publisher's lines vanish for a quarter of an hour.
import type { WebSocket } from 'ws';

/** Between two pings. Nothing heard from one ping to the time of the next ends the socket. */
const PULSE_MS = 30_000;

const silent = new WeakMap<WebSocket, string>();

/** Why `socket` was given up; undefined if it was not. */
export function silenceOf(socket: WebSocket): string | undefined {
  return silent.get(socket);
}

/** Pings an open `socket`, and ends it where nothing at all is heard of the other end. */
export function watchPulse(socket: WebSocket, everyMs = PULSE_MS): void {
  let isAwaited = false;
  const heard = (): void => {
    isAwaited = false;
  };
  const timer = setInterval(() => {
    // A paused socket, or one whose bytes still wait to be sent, cannot have an answer yet.
    if (socket.isPaused || socket.bufferedAmount > 0) isAwaited = false;
    else if (!isAwaited) {
      isAwaited = true;
      socket.ping();
    } else {
      silent.set(socket, `nothing was heard of it for ${everyMs / 1000} s: the connection is dead`);
      socket.terminate();
    }
  }, everyMs).unref();
  for (const event of ['message', 'ping', 'pong']) socket.on(event, heard);
  socket.once('close', () => clearInterval(timer));
}
