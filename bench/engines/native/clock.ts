// One clock for all generator processes: monotonic, microseconds, readable as Unix time, cheap enough for every read.
//
// CLOCK_MONOTONIC (process.hrtime) is the same in every process of a machine; performance.now() is it minus a start
// that differs per process. The engine picks the Unix time of monotonic zero once and hands it to every process, so
// that two processes disagree by the microsecond it takes to align them, and a step of the wall clock moves nothing.

/** Unix time (µs) at which this machine's monotonic clock read zero. The engine calls this once per run. */
export function monotonicZeroUnixUs(): number {
  return Math.round(Date.now() * 1000 - Number(process.hrtime.bigint() / 1000n));
}

/** A function that gives the current time in µs since the Unix epoch (fractions cut), 40 ns a call. */
export function sharedClock(zeroUnixUs: number): () => number {
  // The smallest of several differences: a preemption between the two readings can only make it larger.
  let offsetUs = Number.POSITIVE_INFINITY;
  for (let i = 0; i < 50; i++) {
    const now = performance.now();
    const monotonicUs = Number(process.hrtime.bigint()) / 1000;
    offsetUs = Math.min(offsetUs, monotonicUs - now * 1000);
  }
  const zeroUs = zeroUnixUs + offsetUs;
  return () => Math.floor(zeroUs + performance.now() * 1000);
}
