// Keeps a process awake around the instants at which messages are due. A process that has slept for tens of
// milliseconds reads the first message late and the next ones slowly: it has to be woken, and what it runs is out of
// the core's caches. That time would be added to the server's. Looking out costs up to a millisecond and a half of CPU
// a message, so it is for low rates; at high ones nobody sleeps.

/** Messages due at one instant count once. */
const MOST_INSTANTS_PER_S = 100;
/** setTimeout fires up to a millisecond late, so it is set this much early, and the rest is spun. */
const EARLY_MS = 1.2;
/** Past the due instant, until the server's first answer wakes this process anyway. */
const AFTER_US = 100;

export interface Instants {
  readonly firstUs: number;
  readonly lastUs: number;
  readonly everyUs: number;
}

/** Watches until the last of `instants`. Returns what ends it early; undefined where it would cost too much. */
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
