// Ends a worker in an orderly way before it runs out of heap. Otherwise V8 takes the whole process down, since uWS's
// handles are still open when Node ends the thread (it aborts). This catches a leak, but not one huge allocation: then
// whatever supervises the process must restart it.
import { getHeapSpaceStatistics, getHeapStatistics } from 'node:v8';
import { resourceLimits } from 'node:worker_threads';

const CHECK_MS = 250;
/** V8 gave up at 81 % in use of a limit of 128 MiB (Node 20; the rest is what its pages waste). */
const ALLOWED_SHARE = 0.75;
/** Checks in a row: near the limit V8 collects often, so garbage does not keep the heap over it for so long. */
const CHECKS_OVER = 4;

const MIB = 2 ** 20;

/** What is in the old generation: the part of the heap whose limit ends a thread. */
function oldGenerationBytes(): number {
  let bytes = 0;
  for (const { space_name: name, space_used_size: used } of getHeapSpaceStatistics()) {
    if (!name.startsWith('new_') && !name.startsWith('read_only_')) bytes += used;
  }
  return bytes;
}

/** Watches the heap of this worker thread. Calls `end` once, with the used and the allowed MiB. Returns a function
 *  that stops it. */
export function guardHeap(end: (usedMiB: number, limitMiB: number) => void): () => void {
  // With --max-old-space-size `resourceLimits` still reports the default; V8's total is right, but includes the young
  // generation.
  const limit = getHeapStatistics().heap_size_limit - (resourceLimits.maxYoungGenerationSizeMb ?? 0) * MIB;
  let over = 0;
  const timer = setInterval(() => {
    const used = oldGenerationBytes();
    over = used > limit * ALLOWED_SHARE ? over + 1 : 0;
    if (over < CHECKS_OVER) return;
    clearInterval(timer);
    end(Math.round(used / MIB), Math.round(limit / MIB));
  }, CHECK_MS).unref();
  return () => clearInterval(timer);
}
