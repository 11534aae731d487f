// Wall-clock time finer than Date.now(). k6 has no performance.now(), but its test-run clock has nanosecond
// resolution.

import exec from 'k6/execution';
import { aligned } from './aligned.ts';

/** How many changes of Date.now() to watch before the clock is first used. */
const FIRST_TURNS = 3;

/** Returns a function that gives the time in ms since the epoch with sub-millisecond resolution, on the same clock as
 *  an event's `timestamp`. Making it takes `FIRST_TURNS` milliseconds. */
export function fineClock(): () => number {
  const now = aligned(Date.now, () => exec.instance.currentTestRunDuration);
  for (let turn = 0; turn < FIRST_TURNS; turn++) {
    const before = Date.now();
    while (Date.now() === before) now();
    now();
  }
  return now;
}
