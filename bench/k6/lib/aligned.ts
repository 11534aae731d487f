// A fine clock aligned to a coarse one, by readings of which any may be disturbed.
//
// The wall clock is cut to whole milliseconds, so wall minus fine, read in this order, is never more than the true
// offset between the two: the cut and a pre-emption between the reads both make it smaller. The largest difference seen
// is the offset. Each reading of the clock is a further sample, so a bad start (a VU that lost its core between the two
// reads) is mended by the next one instead of shifting every latency of the run.

/** Gives the time of `wall` (whole ms) with the resolution of `fine` (ms from any start). */
export function aligned(wall: () => number, fine: () => number): () => number {
  let offset = -Infinity;
  return () => {
    const coarse = wall();
    const since = fine();
    if (coarse - since > offset) offset = coarse - since;
    return offset + since;
  };
}
