// A publish's id: what it means, and for how long it is remembered.
import type { Payload } from './ops.js';
import { bodyPayload } from './parcel.js';

/** What keptBody adds. */
const PID = /,"pid":"(?:[^"\\]|\\.)*"$/;

/** How long an id is remembered, unless too many come. JetStream's default for the same. */
export const DEDUP_MS = 120_000;

/** A body as history keeps it: with the id, by which a publisher recognises its own message in a replay. */
export function keptBody(body: string, pid: string | undefined): string {
  return pid === undefined ? body : `${body},"pid":${JSON.stringify(pid)}`;
}

/** A body that history keeps, without its id. Inside a JSON string every quote is escaped, so an id's member cannot be
 *  part of one. */
export function withoutId(body: string): string {
  return body.endsWith('"') ? body.replace(PID, '') : body;
}

/** Both forms of a body that history keeps. */
export function rawOfKept(body: string): Payload {
  return bodyPayload(withoutId(body));
}

/** An id means something only together with its publisher and topic, so that nobody can use up somebody else's. */
export function publishKey(topic: string, from: string | undefined, pid: string): string {
  return `${pid}\n${from ?? ''}\n${topic}`;
}
