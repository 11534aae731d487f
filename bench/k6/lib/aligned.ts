// A fine clock aligned to a coarse one, from readings that may each be disturbed.
//
// The wall clock is cut to whole milliseconds. So wall minus fine, read in this order, is never more than the true
// offset between the two: the cut and an interruption between the two reads both make it smaller. The largest
// difference seen is used as the offset. Every call takes another sample, so a bad start (a VU that lost its core
// between the two reads) is corrected by the next call and does not shift every latency of the run.

/** Returns a function that gives the time of `wall` (whole ms) with the resolution of `fine` (ms from any start). */
export function aligned(wall: () => number, fine: () => number): () => number {
  let offset = -Infinity;
  return () => {
    const coarse = wall();
    const since = fine();
    if (coarse - since > offset) offset = coarse - since;
    return offset + since;
  };
}
