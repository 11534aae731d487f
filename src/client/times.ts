// Waits: each has a floor and a ceiling, whatever it is computed from.

/** The longest wait that somebody else may ask for. */
export const MAX_WAIT_MS = 3_600_000;

/** A clock that never goes back. */
export const now = (): number => performance.now();

/** A number within bounds: the least for what is no number. */
export function bounded(value: unknown, least = 0, most = MAX_WAIT_MS): number {
  return Number(value) > least ? Math.min(most, Number(value)) : least;
}

/** One wait at a time: a new one takes the place of the one before; without `act` there is none any more. */
export type Alarm = (act?: () => void, waitMs?: number) => void;

export function createAlarm(): Alarm {
  let timer: ReturnType<typeof setTimeout> | undefined;
  return (act, waitMs) => {
    clearTimeout(timer);
    if (act) timer = setTimeout(act, waitMs);
  };
}

/**
 * "Full jitter": a wait drawn evenly from 0 to min(cap, base · 2^attempt) ms, so that clients cut off together do not
 * come back together. Of the variants compared in Marc Brooker, "Exponential Backoff And Jitter" (AWS Architecture
 * Blog, 2015), the one with the fewest calls at equal completion time. Here never less than a tenth of the base: a wait
 * has a floor.
 * @param attempt 0 for the first wait
 */
export function jitterMs(baseMs: number, capMs: number, attempt: number): number {
  return Math.max(Math.min(baseMs, capMs) / 10, Math.random() * Math.min(capMs, baseMs * 2 ** attempt));
}
