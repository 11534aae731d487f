// Measures, for a sample of publishes, how long they take until they are written to the sockets.
import type { Distribution } from '../watch/distribution.js';

/** One in this many publishes is timed, if a flush follows anyway. */
const TIME_EVERY = 64;
/** Without a flush, timing needs an Immediate of its own (5 µs), so it happens once per this many more publishes. */
const MORE_WITHOUT_FLUSH = 448;

export class PublishTimer {
  private untilTimed = 1 - MORE_WITHOUT_FLUSH; // the first is
  /** When the publish that is timed came in; 0 if none is. */
  private fromMs = 0;

  constructor(private readonly publishToFlushUs: Distribution) {}

  /** Counts a publish. True if it is timed: then call `flushed` at the end of this loop iteration. `isFlushed` says
   *  that a flush is due there anyway. */
  starts(isFlushed: boolean): boolean {
    if (--this.untilTimed > (isFlushed ? 0 : -MORE_WITHOUT_FLUSH)) return false;
    this.untilTimed = TIME_EVERY;
    this.fromMs = performance.now();
    return true;
  }

  /** Call it when all that was published has been written. */
  flushed(): void {
    if (this.fromMs === 0) return;
    this.publishToFlushUs.observe(Math.round((performance.now() - this.fromMs) * 1000));
    this.fromMs = 0;
  }
}
