// How long to wait before the next attempt, so that clients cut off together do not come back together.

export interface Backoff {
  /** Upper bound of the first wait, in ms. */
  readonly baseMs: number;
  /** Upper bound of any wait, in ms. */
  readonly capMs: number;
}

/**
 * "Full jitter": a wait drawn evenly from 0 to min(cap, base · 2^attempt) ms. Of the variants compared in Marc Brooker,
 * "Exponential Backoff And Jitter" (AWS Architecture Blog, 2015), the one with the fewest calls at equal completion time.
 * @param attempt 0 for the first wait
 */
export function fullJitterMs({ baseMs, capMs }: Backoff, attempt: number, random: () => number = Math.random): number {
  return random() * Math.min(capMs, baseMs * 2 ** attempt);
}
