// How a socket comes into an audience and out of it: the set that JavaScript counts by, and the uWS topic that messages
// go out on, where the audience uses one.
import type { Audience, Connection } from './audience.js';

/** From here on the socket gets what is fanned out to `audience`. */
export function attach(connection: Connection, audience: Audience): void {
  audience.subscribers.add(connection);
  if (connection.lag === undefined) listen(connection, audience);
  else {
    // Too slow to take anything at the moment: it joins when it has drained, and is told what it missed.
    connection.lag.start(audience);
    audience.lagging++;
  }
}

/** The socket gets nothing more of `audience`. It may have closed already. */
export function detach(connection: Connection, audience: Audience): void {
  if (!audience.subscribers.delete(connection)) return;
  if (connection.lag?.forget(audience)) audience.lagging--;
  else unlisten(connection, audience);
}

/** Puts a socket on the audience's uWS topic. */
export function listen(connection: Connection, audience: Audience): void {
  if (audience.isOnTree) connection.ws?.subscribe(audience.key);
}

/** Takes a socket, which may have closed, off the audience's uWS topic. */
export function unlisten(connection: Connection, audience: Audience): void {
  if (audience.isOnTree) connection.ws?.unsubscribe(audience.key);
}

/** Whether a socket that may have closed is in an audience. Of a raw one that shares no window it is known without a
 *  look into the set. */
export function isIn(connection: Connection, audience: Audience): boolean {
  if (connection.topic === audience.topic && connection.lane === undefined && connection.ownSeqs === undefined) {
    return audience === audience.topic.raw && connection.ws !== undefined;
  }
  return audience.subscribers.has(connection);
}
