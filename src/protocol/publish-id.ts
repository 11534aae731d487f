// A publish's id: what it means, and for how long it is remembered.

/** How long an id is remembered, where not too many come. JetStream's default for the same. */
export const DEDUP_MS = 120_000;

/** An id means something only together with its publisher and topic, so that nobody can use up somebody else's. */
export function publishKey(topic: string, from: string | undefined, pid: string): string {
  return `${pid}\n${from ?? ''}\n${topic}`;
}
