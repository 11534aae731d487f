// Closes sockets when their token expires: one timer for all, sockets grouped by the second they expire in.
import type { Connection } from '../fanout/audience.js';

const TICK_MS = 1000;
/** Closes in one go. Tokens issued together expire together, and 1,000 closes take about 10 ms of the relay's loop. */
const CLOSES_PER_TURN = 1000;

/** Ticks come as a second begins: tokens end with one (`exp` counts seconds), and nothing is to be delivered after. */
function untilNextSecondMs(): number {
  return TICK_MS - (Date.now() % TICK_MS);
}

/** Earlier than every expiry; 0 means that a connection has none. */
const LONG_AGO_SECOND = 1;

export class Expiry {
  private readonly bySecond = new Map<number, Set<Connection>>();
  private timer: NodeJS.Timeout | undefined;

  constructor(private readonly onExpired: (connection: Connection) => void) {}

  /** Watches a socket whose identity expires; one without an expiry costs nothing. Call it again when the identity
   *  changes. */
  watch(connection: Connection): void {
    this.forget(connection);
    const { expiresAtMs } = connection.identity;
    if (expiresAtMs === undefined) return;
    this.put(connection, Math.ceil(expiresAtMs / TICK_MS), untilNextSecondMs());
  }

  /** Closes a socket at the next tick, whatever its expiry. */
  expireNow(connection: Connection): void {
    this.forget(connection);
    this.put(connection, LONG_AGO_SECOND, 0);
  }

  private put(connection: Connection, second: number, inMs: number): void {
    let due = this.bySecond.get(second);
    if (due === undefined) {
      due = new Set();
      this.bySecond.set(second, due);
    }
    due.add(connection);
    connection.expirySecond = second;
    if (inMs === 0) clearTimeout(this.timer);
    if (inMs === 0 || this.timer === undefined) this.timer = setTimeout(this.tick, inMs).unref();
  }

  forget(connection: Connection): void {
    const due = this.bySecond.get(connection.expirySecond);
    if (due === undefined) return;
    due.delete(connection);
    if (due.size === 0) this.bySecond.delete(connection.expirySecond);
    connection.expirySecond = 0;
  }

  stop(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.bySecond.clear();
  }

  private readonly tick = (): void => {
    const nowSecond = Math.floor(Date.now() / TICK_MS);
    let left = CLOSES_PER_TURN;
    // Walks all seconds in which tokens expire rather than the time that has passed, so that a clock that jumps does no
    // harm.
    for (const [second, due] of this.bySecond) {
      if (second > nowSecond) continue;
      for (const connection of due) {
        if (left-- === 0) break;
        this.forget(connection);
        this.onExpired(connection);
      }
      if (left < 0) break;
    }
    const nextMs = left < 0 ? 0 : untilNextSecondMs();
    this.timer = this.bySecond.size === 0 ? undefined : setTimeout(this.tick, nextMs).unref();
  };
}
