// The load of a comparison where nothing else is asked for, and what flags and suites may ask for.

import { shareFrom, timeFrom } from '../../src/config/types.js';
import type { Plan } from '../scenarios/scenario.js';

/** Short runs, many of them: it is the number of pairs that narrows an interval. Of equal builds on a quiet machine
 *  p99 spread by 22 % a pair with an open loop of 2 s and by 59 % with 0.7 s (standard deviations of 12 and 18
 *  interleaved pairs), for a third more time a pair. After a warm-up of 0.2 s both ends were still being compiled:
 *  11 of 47 runs were invalid and p99's quartiles 6.0 and 9.1 ms; after 0.5 s 6 of 42, and 4.8 and 6.8 ms
 *  (interleaved). */
export const COMPARE_PLAN: Partial<Plan> = { subscribers: 200, rate: 200, warmupS: 0.5, durationS: 2, drainS: 2 };

/** The open loop's length where no latency decides: long enough to see what is lost. */
export const SHORT_LOOP_S = 0.7;

export const MAX_MINUTES = timeFrom('minutes', 0.1, 600);
export const ALPHA = shareFrom(1e-6, 0.5);
export const CAPACITY_MS = timeFrom('ms', 0, 60_000);
