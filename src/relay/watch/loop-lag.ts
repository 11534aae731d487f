// How late the event loop runs its timers: how long a message may have waited before the relay could read it.

const TICK_MS = 250;
/** The worst lag is remembered for one to two of these: long enough for a health check to see it, short enough to
 *  recover. */
const WINDOW_MS = 5000;

export class LoopLag {
  private worstBefore = 0;
  private worstNow = 0;
  private windowStartedAtMs = performance.now();
  private dueAtMs = performance.now() + TICK_MS;
  private readonly timer = setInterval(() => this.tick(), TICK_MS).unref();

  /** The worst lag of the last 5 to 10 seconds, in ms; a lag in progress is seen only when it ends. */
  get worstMs(): number {
    return Math.max(this.worstBefore, this.worstNow);
  }

  stop(): void {
    clearInterval(this.timer);
  }

  private tick(): void {
    const nowMs = performance.now();
    this.worstNow = Math.max(this.worstNow, nowMs - this.dueAtMs);
    this.dueAtMs = nowMs + TICK_MS;
    if (nowMs - this.windowStartedAtMs < WINDOW_MS) return;
    this.windowStartedAtMs = nowMs;
    this.worstBefore = this.worstNow;
    this.worstNow = 0;
  }
}
