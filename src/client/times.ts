// Waiting times: each has a lower and an upper bound, whatever it is computed from.

/** The longest wait that a relay or a user may ask for. */
export const MAX_WAIT_MS = 3_600_000;

/** About the longest time that setTimeout takes. */
export const MAX_TIMER_MS = 2e9;

/** Milliseconds of a clock that never goes back. */
export const now = (): number => performance.now();

/** The number within bounds; `least` for anything that is no number. */
export function bounded(value: unknown, least = 0, most = MAX_WAIT_MS): number {
  return (value as number) > least ? Math.min(most, value as number) : least;
}

/** One wait at a time: a call replaces the wait before it; a call without `act` only cancels it. */
export type Alarm = (act?: () => void, waitMs?: number) => void;

export function createAlarm(): Alarm {
  let timer: ReturnType<typeof setTimeout> | undefined;
  return (act, waitMs) => {
    clearTimeout(timer);
    if (act) timer = setTimeout(act, waitMs);
  };
}

/** "Full jitter": a wait drawn evenly from 0 to min(cap, base · 2^attempt) ms, so that clients that were cut off
 *  together do not come back together. Of the variants compared in Marc Brooker, "Exponential Backoff And Jitter"
 *  (AWS Architecture Blog, 2015), it needs the fewest calls at equal completion time. Here a wait is never less than
 *  a tenth of the base.
 *  @param attempt 0 for the first wait */
export function jitterMs(baseMs: number, capMs: number, attempt: number): number {
  return Math.max(Math.min(baseMs, capMs) / 10, Math.random() * Math.min(capMs, baseMs * 2 ** attempt));
}
