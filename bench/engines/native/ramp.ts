// The connection ramp: opens what is queued, within a limit on concurrent handshakes and on the rate.

/** How often a rate-limited ramp checks the clock, and overdue handshakes are given up, ms. */
const TICK_MS = 10;

export class Ramp {
  /** Handshakes under way now, and the most there have been at any time. */
  inFlight = 0;
  mostInFlight = 0;
  private readonly queue: number[] = [];
  private head = 0;
  private started = 0;
  private windowStart = performance.now();
  private timer: NodeJS.Timeout | undefined;

  /** `start(slot)` begins one handshake; each must lead to one `finished()`. `ratePerS` 0: limited by `maxInFlight`
   *  only. */
  constructor(
    private readonly maxInFlight: number,
    private readonly ratePerS: number,
    private readonly start: (slot: number) => void,
  ) {}

  /** Queues `slot` to be opened. */
  add(slot: number): void {
    if (this.isIdle) {
      this.windowStart = performance.now();
      this.started = 0;
    }
    this.queue.push(slot);
    this.pump();
  }

  /** Whether nothing is queued or in flight. */
  get isIdle(): boolean {
    return this.inFlight === 0 && this.head === this.queue.length;
  }

  /** Call when one handshake has ended, whether it succeeded or failed. */
  finished(): void {
    this.inFlight--;
    this.pump();
  }

  stop(): void {
    clearTimeout(this.timer);
    this.head = this.queue.length;
  }

  private pump(): void {
    while (this.head < this.queue.length && this.inFlight < this.maxInFlight) {
      if (this.ratePerS > 0 && this.started >= this.allowance()) {
        this.timer ??= setTimeout(() => {
          this.timer = undefined;
          this.pump();
        }, TICK_MS);
        return;
      }
      const slot = this.queue[this.head++] as number;
      this.started++;
      this.inFlight++;
      this.mostInFlight = Math.max(this.mostInFlight, this.inFlight);
      this.start(slot);
    }
    if (this.head === this.queue.length) {
      this.queue.length = 0;
      this.head = 0;
    }
  }

  /** Number of connections that may have been started by now. */
  private allowance(): number {
    return 1 + ((performance.now() - this.windowStart) / 1000) * this.ratePerS;
  }
}
