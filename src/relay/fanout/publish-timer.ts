// How long publishes take until they are written to the sockets, of a sample.
import type { Distribution } from '../watch/distribution.js';

/** One publish in so many is timed, where it is flushed anyway. */
const TIME_EVERY = 64;
/** Where it is not, the Immediate that tells when it was written (5 µs) is spread over so many more. */
const MORE_WITHOUT_FLUSH = 448;

export class PublishTimer {
  private untilTimed = 1 - MORE_WITHOUT_FLUSH; // the first is
  /** When the publish being timed came in; 0 while none is. */
  private fromMs = 0;

  constructor(private readonly publishToFlushUs: Distribution) {}

  /** Counts a publish. True where it is timed: call `flushed` at the end of this loop iteration, which is due anyway
   *  where `isFlushed`. */
  starts(isFlushed: boolean): boolean {
    if (--this.untilTimed > (isFlushed ? 0 : -MORE_WITHOUT_FLUSH)) return false;
    this.untilTimed = TIME_EVERY;
    this.fromMs = performance.now();
    return true;
  }

  /** All that was published has been written. */
  flushed(): void {
    if (this.fromMs === 0) return;
    this.publishToFlushUs.observe(Math.round((performance.now() - this.fromMs) * 1000));
    this.fromMs = 0;
  }
}
