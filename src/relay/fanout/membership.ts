// Adds a socket to an audience and removes it: from the set that JavaScript counts by, and from the uWS topic that
// messages go out on, if the audience has one.
import { utf8 } from '../bytes.js';
import type { Audience, Connection } from './audience.js';

/** A uWS topic that nobody publishes to. Those of audiences have longer names. */
const PARKED = utf8('-');

/** From now on the socket gets what is fanned out to `audience`. */
export function attach(connection: Connection, audience: Audience): void {
  audience.subscribers.add(connection);
  connection.mayHaveUnsent = true;
  if (connection.lag === undefined) listen(connection, audience);
  else {
    // The socket is too slow at the moment: it joins when it has drained, and then gets, or is told, what it missed.
    connection.lag.start(audience);
    audience.lagging++;
  }
}

/** The socket gets nothing more from `audience`. It may have closed already. */
export function detach(connection: Connection, audience: Audience): void {
  if (!audience.subscribers.delete(connection)) return;
  if (connection.lag?.forget(audience)) audience.lagging--;
  else unlisten(connection, audience);
}

/** Subscribes a socket to the audience's uWS topic. */
export function listen(connection: Connection, audience: Audience): void {
  if (audience.isOnTree) connection.ws?.subscribe(audience.key);
}

/** Unsubscribes a socket, which may have closed, from the audience's uWS topic. */
export function unlisten(connection: Connection, audience: Audience): void {
  if (audience.isOnTree) connection.ws?.unsubscribe(audience.key);
}

/** What uWS holds back for a socket until the end of this loop iteration goes out even if the socket leaves its topics
 *  now: it would be discarded if the socket were in none. */
export function keepPending(connection: Connection): void {
  connection.ws?.subscribe(PARKED);
}

/** Takes a socket off uWS topics. */
export function park(connection: Connection, audiences: Iterable<Audience>): void {
  keepPending(connection);
  for (const audience of audiences) unlisten(connection, audience);
}

/** Puts a parked socket back. */
export function unpark(connection: Connection, audiences: Iterable<Audience>): void {
  for (const audience of audiences) listen(connection, audience);
  connection.ws?.unsubscribe(PARKED);
}

/** Whether a socket, which may have closed, is in an audience. For a raw socket without a lane the answer needs no
 *  look-up in the set. */
export function isIn(connection: Connection, audience: Audience): boolean {
  if (connection.topic === audience.topic && connection.lane === undefined && connection.ownSeqs === undefined) {
    return audience === audience.topic.raw && connection.ws !== undefined;
  }
  return audience.subscribers.has(connection);
}
