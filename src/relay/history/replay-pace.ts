// When replays have their next turn. If nobody else is being served, it is the next loop iteration. Beside live
// messages replays get only a share of the time, so that thousands of them neither hold up the others nor make their
// receivers read faster than those machines can.

/** If live messages were delivered within this time, others are being served. */
const BUSY_MS = 20;
/** The rest between two turns, as a multiple of the time that the turn took: replays get a third of the time. */
const REST = 2;
/** Bounds of a rest. If the machine paused during a turn, the rest after it must not be as long as that. */
const MIN_REST_MS = 1;
const MAX_REST_MS = 10;

export class ReplayPace {
  private delivered = 0;
  private busyUntilMs = Number.NEGATIVE_INFINITY;

  /** @param liveDeliveries how many messages were delivered so far, replays aside */
  constructor(private readonly liveDeliveries: () => number) {}

  /** How long to wait after a turn that has just ended and took `spentMs`; 0: until the next loop iteration. */
  restMs(nowMs: number, spentMs: number): number {
    const delivered = this.liveDeliveries();
    if (delivered !== this.delivered) this.busyUntilMs = nowMs + BUSY_MS;
    this.delivered = delivered;
    if (nowMs >= this.busyUntilMs) return 0;
    return Math.min(MAX_REST_MS, Math.max(MIN_REST_MS, Math.round(REST * spentMs)));
  }
}
