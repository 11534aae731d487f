// When replays have their next turn. Where nobody else is served meanwhile it is the next loop iteration; beside live
// messages replays have a share of the time only, so that a herd of thousands neither holds the others up nor has their
// sockets' receivers read faster than their machine can.

/** Live messages within this time: others are being served. */
const BUSY_MS = 20;
/** A turn's own time comes this often between it and the next one: a third of the time is the replays'. */
const REST = 2;
/** Bounds of a rest. A turn that the machine stopped for a while does not stop replays for long. */
const MIN_REST_MS = 1;
const MAX_REST_MS = 10;

export class ReplayPace {
  private delivered = 0;
  private busyUntilMs = Number.NEGATIVE_INFINITY;

  /** @param liveDeliveries how many messages were delivered so far beside replays */
  constructor(private readonly liveDeliveries: () => number) {}

  /** How long the next turn waits after one that has just ended and took `spentMs`; 0: until the next loop
   *  iteration. */
  restMs(nowMs: number, spentMs: number): number {
    const delivered = this.liveDeliveries();
    if (delivered !== this.delivered) this.busyUntilMs = nowMs + BUSY_MS;
    this.delivered = delivered;
    if (nowMs >= this.busyUntilMs) return 0;
    return Math.min(MAX_REST_MS, Math.max(MIN_REST_MS, Math.round(REST * spentMs)));
  }
}
