// Ends a worker in order before V8 ends it without: a thread that runs out of heap takes the whole process down, since uWS's
// handles are still open when Node tears the thread down (it aborts). What grows slower than a tenth of the heap in a
// second is caught; a single huge allocation is not, and then whatever supervises the process starts it again.
import { getHeapStatistics } from 'node:v8';

const CHECK_MS = 250;
const ALLOWED_SHARE = 0.9;
/** Checks in a row: garbage that the next collection frees is no reason to end. */
const CHECKS_OVER = 3;

/** Calls `end` once with what is used and allowed, in MiB. Returns what stops the watch. */
export function guardHeap(end: (usedMiB: number, limitMiB: number) => void): () => void {
  let over = 0;
  const timer = setInterval(() => {
    const { used_heap_size: used, heap_size_limit: limit } = getHeapStatistics();
    over = used > limit * ALLOWED_SHARE ? over + 1 : 0;
    if (over < CHECKS_OVER) return;
    clearInterval(timer);
    end(Math.round(used / 2 ** 20), Math.round(limit / 2 ** 20));
  }, CHECK_MS).unref();
  return () => clearInterval(timer);
}
