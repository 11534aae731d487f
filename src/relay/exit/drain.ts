// An orderly end: the sockets are closed with 1012 a few at a time, so that their clients do not all come back at once.
import { Close } from '../../protocol/codes.js';
import { closeReason } from '../bytes.js';
import type { Connection } from '../fanout/audience.js';

const TICK_MS = 20;
const RESTART = closeReason('restart');

/** Closes `connections` evenly over `overMs`, and resolves when the last has been closed. A socket that still has
 *  backpressure at its turn stays open until the client has read it, at the latest until the end, so that messages
 *  already accepted reach it. `flush` delivers what is queued, and runs before any socket is closed. */
export function closeSpread(connections: Iterable<Connection>, overMs: number, flush: () => void): Promise<void> {
  const left = [...connections];
  const total = left.length;
  let waiting: Connection[] = [];
  const startedAt = performance.now();

  return new Promise((resolve) => {
    function tick(): void {
      flush();
      const elapsed = performance.now() - startedAt;
      const isLast = elapsed >= overMs;
      const keep = isLast ? 0 : Math.floor(total * (1 - elapsed / overMs));
      const due = waiting;
      waiting = [];
      while (left.length > keep) due.push(left.pop() as Connection);
      for (const connection of due) {
        if (!isLast && (connection.ws?.getBufferedAmount() ?? 0) > 0) waiting.push(connection);
        else connection.ws?.end(Close.restart, RESTART);
      }
      if (left.length + waiting.length > 0) setTimeout(tick, TICK_MS);
      else resolve();
    }
    tick();
  });
}
