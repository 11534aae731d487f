// A publish's id: what it means, and for how long it is remembered.

/** How long an id is remembered, where not too many come. JetStream's default for the same. */
export const DEDUP_MS = 120_000;

/** A body as history keeps it: with the id, so that a replay brings it to the one who published it and can tell it by
 *  that. */
export function keptBody(body: string, pid: string | undefined): string {
  return pid === undefined ? body : `${body},"pid":${JSON.stringify(pid)}`;
}

/** An id means something only together with its publisher and topic, so that nobody can use up somebody else's. */
export function publishKey(topic: string, from: string | undefined, pid: string): string {
  return `${pid}\n${from ?? ''}\n${topic}`;
}
