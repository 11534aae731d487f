// Keeps a process awake around the times at which messages are due. A process that has slept for tens of milliseconds
// reads the first message late and the next ones slowly: it must be woken, and its code is no longer in the core's
// caches. That time would be measured as the server's. Staying awake costs up to 1.5 ms of CPU per message, so it is
// for low rates; at high rates no process sleeps.

/** Above this rate the process does not sleep anyway. Messages due at the same time count once. */
const MOST_INSTANTS_PER_S = 100;
/** setTimeout fires up to a millisecond late, so it is set this much early; the process spins for the rest. */
const EARLY_MS = 1.2;
/** How long to stay awake after the due time; later, the server's first message wakes this process anyway. */
const AFTER_US = 100;

export interface Instants {
  readonly firstUs: number;
  readonly lastUs: number;
  readonly everyUs: number;
}

/** Stays awake around each of `instants`. Returns a function that stops it early; undefined where it would cost too
 *  much. */
export function watchFor({ firstUs, lastUs, everyUs }: Instants, clock: () => number): (() => void) | undefined {
  if (!(everyUs >= 1e6 / MOST_INSTANTS_PER_S)) return undefined;
  let dueUs = firstUs;
  let isOver = false;
  const look = (): void => {
    const nowUs = clock();
    while (dueUs + AFTER_US < nowUs) dueUs += everyUs;
    if (isOver || dueUs >= lastUs) return;
    const sleepMs = Math.floor((dueUs - nowUs) / 1000 - EARLY_MS);
    if (sleepMs >= 1) setTimeout(look, sleepMs);
    else setImmediate(look);
  };
  look();
  return () => {
    isOver = true;
  };
}
