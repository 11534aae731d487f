// Wall-clock time finer than Date.now(): k6 has no performance.now(), but its test-run clock counts in nanoseconds.

import exec from 'k6/execution';

/** Returns a function that gives the time in ms since the epoch with sub-millisecond resolution, on the same clock as
 *  an event's `timestamp`. It spins for at most one millisecond, until Date.now() turns over, to find the offset. */
export function fineClock(): () => number {
  const before = Date.now();
  let now = before;
  while (now === before) now = Date.now();
  const offset = now - exec.instance.currentTestRunDuration;
  return () => offset + exec.instance.currentTestRunDuration;
}
