// A token bucket: so many a second, with a burst. Plain numbers, no timer and no allocation, so that one can sit in every socket.

/** `level` is what may be spent now, as of `atMs`. */
export interface Bucket {
  level: number;
  atMs: number;
}

/**
 * Takes `amount` if the bucket holds it, after filling it at `perSecond` up to `burst` for the time since `bucket.atMs`.
 * A full bucket pays for any amount, also one above `burst`, and goes below zero: a message bigger than the burst
 * would otherwise never pass, however rarely it comes.
 */
export function take(bucket: Bucket, amount: number, perSecond: number, burst: number, nowMs: number): boolean {
  const elapsedMs = nowMs - bucket.atMs;
  if (elapsedMs > 0) {
    bucket.level = Math.min(burst, bucket.level + (elapsedMs * perSecond) / 1000);
    bucket.atMs = nowMs;
  }
  if (bucket.level < amount && bucket.level < burst) return false;
  bucket.level -= amount;
  return true;
}

/** Milliseconds until the bucket holds `amount` again. */
export function waitMs(bucket: Bucket, amount: number, perSecond: number): number {
  return Math.max(0, ((amount - bucket.level) / perSecond) * 1000);
}
