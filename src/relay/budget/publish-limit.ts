// How much one connection may publish: messages and bytes a second, with bursts of one to two seconds' worth.
import { take } from './token-bucket.js';

export interface PublishLimits {
  /** Messages a second; 0 is unlimited. */
  readonly maxPublishRate: number;
  /** Payload bytes a second; 0 is unlimited. */
  readonly maxPublishBytesPerSecond: number;
}

/** What one connection has left; it sits in the socket's user data, two buckets flat. */
export interface PublishBudget {
  readonly messages: { level: number; atMs: number };
  readonly bytes: { level: number; atMs: number };
}

/** True when any limit is on: only then does the relay install the message handler that asks. */
export function limitsPublishing(limits: PublishLimits): boolean {
  return limits.maxPublishRate > 0 || limits.maxPublishBytesPerSecond > 0;
}

export function newPublishBudget(limits: PublishLimits, nowMs: number): PublishBudget {
  return {
    messages: { level: limits.maxPublishRate, atMs: nowMs },
    bytes: { level: limits.maxPublishBytesPerSecond, atMs: nowMs },
  };
}

/** Takes one message of `bytes` payload from the budget; false when either rate is exceeded. Allocates nothing. */
export function mayPublish(budget: PublishBudget, limits: PublishLimits, bytes: number, now: () => number): boolean {
  const { maxPublishRate, maxPublishBytesPerSecond } = limits;
  if (maxPublishRate > 0 && !take(budget.messages, 1, maxPublishRate, maxPublishRate, now)) return false;
  if (maxPublishBytesPerSecond === 0) return true;
  return take(budget.bytes, bytes, maxPublishBytesPerSecond, maxPublishBytesPerSecond, now);
}
